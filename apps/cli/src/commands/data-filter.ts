import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'

export const dataFilter: Command = defineCommand({
  describe: 'Keeps a part of RL data and records in its history what was done.',
  example: 'lever data filter rl-data.json --filters mixed deduplicate --out mixed.json',
  files: { name: 'file', describe: 'RL data of any shape', min: 1, max: 1 },
  async options() {
    const { FILTERS, FILTER_NAMES } = await import('@lever/rl-dataset')
    const known = FILTER_NAMES.map((name) => {
      const params = Object.entries(FILTERS[name].params).map(([key, value]) => `${key}=${String(value)}`)
      return params.length > 0 ? `${name}:${params.join(',')}` : name
    })
    return {
      Data: {
        filters: {
          type: 'list',
          about: `filters, applied in this order, each NAME or NAME:KEY=VALUE,KEY=VALUE: ${known.join(' ')}`,
          required: true,
          commas: false,
        },
      },
      Output: {
        out: {
          type: 'text',
          about: 'new file; a journal if it ends in .jsonl, compressed if in .gz',
          required: true,
          aliases: ['output-path'],
        },
      },
      General: {
        seed: { type: 'number', about: 'seed of filters that draw', default: 0, min: 0, whole: true },
      },
    }
  },
  async run({ filters, seed, out }, _, [file = '']) {
    await requirePath(file, 'file')
    await requireNew(out, '--out')
    const { filterRlData, parseFilterStep, renderFilter } = await import('@lever/rl-dataset')
    const { encodeRlFile, readRlData } = await import('@lever/rl-dataset/node')
    const steps = filters.map((step) => parseFilterStep(step))
    const { data, summary } = filterRlData(await readRlData(file), steps, { seed })
    if (summary.queriesAfter === 0) {
      throw new InputError(`${filters.join(', ')} leaves no query of ${file}; nothing was written`)
    }
    const { bytes } = encodeRlFile(out, data)
    await writeNew(out, bytes, '--out')
    return { json: { out, ...summary }, text: `${renderFilter(summary)}\n${out}` }
  },
})
