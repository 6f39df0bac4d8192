import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { areShards, joinShards } from '../pipeline/inputs/shards.ts'

export const dataMerge: Command = defineCommand({
  describe: 'Merges several files of one experiment, or all shards of one generation, into one file.',
  example: 'lever data merge part-0.jsonl part-1.jsonl --out rl-data.jsonl',
  files: { name: 'files', describe: 'RL data, or the journals of all shards', min: 1, max: 10_000 },
  options: {
    Data: {
      onConflict: {
        type: 'text',
        about: 'what to do when a pointer has two different outcomes: stop, or keep the first',
        choices: ['error', 'first'],
        default: 'error',
      },
      allowMissingMeta: {
        type: 'flag',
        about: 'accept files without _meta, whose protocols cannot be compared',
      },
      partial: { type: 'flag', about: 'join shards even if outcomes are missing' },
    },
    Output: {
      out: {
        type: 'text',
        about: 'new file; a journal if it ends in .jsonl, compressed if in .gz',
        required: true,
        aliases: ['output-path'],
      },
    },
  },
  async run({ out, onConflict, allowMissingMeta, partial }, _, files) {
    for (const file of files) await requirePath(file, 'files')
    await requireNew(out, '--out')
    if (await areShards(files)) {
      const report = await joinShards(files, out, partial)
      const missing = report.missing.map((line) => `missing: ${line}\n`).join('')
      return {
        json: { out, ...report },
        text: `${missing}${out}: ${report.queries} queries, ${report.outcomes} outcomes`,
      }
    }
    const { mergeRlData, renderMerge } = await import('@lever/rl-dataset')
    const { encodeRlFile, readRlData } = await import('@lever/rl-dataset/node')
    const { hashFile } = await import('@lever/durable-files')
    const inputs = []
    for (const file of files)
      inputs.push({ file, data: await readRlData(file), sha256: await hashFile(file) })
    const { data, summary } = mergeRlData(inputs, { onConflict, allowMissingMeta })
    const { bytes } = encodeRlFile(out, data)
    await writeNew(out, bytes, '--out')
    return { json: { out, ...summary }, text: `${renderMerge(summary)}\n${out}` }
  },
})
