import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'

export const dataValidate: Command = defineCommand({
  describe: 'Lists every problem of RL data with its place. Exits with 2 if there is an error.',
  example: 'lever data validate rl-data.json',
  files: {
    name: 'file',
    describe: 'RL data, JSON of any shape or a journal',
    min: 1,
    max: 1,
  },
  options: {
    Output: {
      limit: { type: 'number', about: 'problems listed per rule', default: 20, min: 1, whole: true },
    },
  },
  async run({ limit }, _, [file = '']) {
    await requirePath(file, 'file')
    const { renderValidation, validateRlData } = await import('@lever/rl-dataset')
    const { openRlFile } = await import('@lever/rl-dataset/node')
    let close = (): void => undefined
    try {
      const validation = validateRlData(file, () => {
        const source = openRlFile(file, { limit })
        close = () => source.close()
        return source
      })
      return { json: validation, text: renderValidation(validation), exitCode: validation.errors > 0 ? 2 : 0 }
    } finally {
      close()
    }
  },
})
