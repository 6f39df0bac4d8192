import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'

export const dataConvert: Command = defineCommand({
  describe:
    'Converts RL data of any shape to canonical JSON, to a journal, or to JSON that the original reads.',
  example: 'lever data convert old.json --out new.json',
  files: { name: 'file', describe: 'RL data of any shape', min: 1, max: 1 },
  async options() {
    const { RL_FORMATS } = await import('@lever/rl-dataset')
    return {
      Data: {
        indexSpace: {
          type: 'text',
          about:
            'meaning of a pointer id where the file does not say it: position in the pool, or example id',
          choices: ['local', 'global'],
        },
      },
      Output: {
        to: {
          type: 'text',
          about: 'target format',
          choices: RL_FORMATS,
          unset: 'that of the name of --out: .json or .jsonl, compressed with .gz',
        },
        out: { type: 'text', about: 'new file', required: true, aliases: ['output-path'] },
      },
    }
  },
  async run({ to, indexSpace, out }, _, [file = '']) {
    await requirePath(file, 'file')
    await requireNew(out, '--out')
    const { renderDropped } = await import('@lever/rl-dataset')
    const { encodeRlFile, formatOf, readRlData } = await import('@lever/rl-dataset/node')
    const data = await readRlData(file, indexSpace === undefined ? {} : { indexSpace })
    const format = to ?? formatOf(out)
    const history = { op: 'convert', params: { shapes: Object.fromEntries(data.report.shapes), to: format } }
    const { bytes, queries, candidates, dropped } = encodeRlFile(out, data, { format, history })
    await writeNew(out, bytes, '--out')
    return {
      json: { out, format, queries, candidates, dropped: Object.fromEntries(dropped) },
      text: `${renderDropped(dropped)}\n${out}: ${queries} queries, ${candidates} candidates as ${format}`.trim(),
    }
  },
})
