import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { choice, text } from '../options.ts'

export const dataConvert: Command = defineCommand({
  describe:
    'Writes RL data of any shape as canonical JSON, as a journal, or as JSON that the original reads.',
  example: 'lever data convert old.json --out new.json',
  files: { name: 'file', describe: 'RL data of any shape', min: 1, max: 1 },
  async options() {
    const { RL_FORMATS } = await import('@lever/rl-dataset')
    return {
      to: choice('form', RL_FORMATS, { shown: 'json, or jsonl where --out ends so; .gz packs it' }),
      'index-space': choice('what a pointer means where the file does not say', ['local', 'global']),
      out: text('new file', { required: true, aliases: ['output-path'] }),
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
