import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'
import { groupOptionsOf, rewardOptions } from '../pipeline/rewards.ts'

export const dataDescribe: Command = defineCommand({
  describe: 'What RL data holds, and what training can learn from it.',
  example: 'lever data describe runs/generate/rl-data.json',
  files: {
    name: 'file',
    describe: 'RL data: JSON of any shape of the original, or a journal',
    min: 1,
    max: 1,
  },
  options: rewardOptions,
  async run(options, _, [file = '']) {
    await requirePath(file, 'file')
    const { describeRlData, renderDescription } = await import('@lever/rl-dataset')
    const { readRlData } = await import('@lever/rl-dataset/node')
    const description = describeRlData(await readRlData(file), groupOptionsOf(options))
    return { json: description, text: renderDescription(description) }
  },
})
