import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { list, text } from '../options.ts'
import { BUNDLED } from '../files.ts'
import { checkMachine, formatHealth } from '../pipeline/health.ts'

export const doctor: Command = defineCommand({
  describe:
    'What runs on this machine: Node, packages, execution providers, the bundled model, and what to install.',
  example: 'lever doctor --json',
  options: {
    devices: list('execution providers to try', { shown: 'all that ONNX Runtime knows' }),
    model: text('model folder to try', { default: `${BUNDLED}/model`, shown: 'the bundled model' }),
  },
  async run({ devices, model }, { progress }) {
    const stage = progress.stage('trying devices')
    const health = await checkMachine({ devices, model })
    stage.end()
    return { json: health, text: formatHealth(health), exitCode: health.ok ? 0 : 1 }
  },
})
