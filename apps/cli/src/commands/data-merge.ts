import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew, requirePath, writeNew } from '../files.ts'
import { choice, flag, text } from '../options.ts'
import { areShards, joinShards } from '../pipeline/inputs/shards.ts'

export const dataMerge: Command = defineCommand({
  describe: 'One file out of several of one experiment, or out of all shards of one generation.',
  example: 'lever data merge part-0.jsonl part-1.jsonl --out rl-data.jsonl',
  files: { name: 'files', describe: 'RL data, or the journals of all shards', min: 1, max: 10_000 },
  options: {
    out: text('new file; a journal when it ends in .jsonl, packed when in .gz', {
      required: true,
      aliases: ['output-path'],
    }),
    'on-conflict': choice('the same pointer with another outcome', ['error', 'first'], { default: 'error' }),
    'allow-missing-meta': flag('accept files without _meta, whose protocol cannot be compared'),
    partial: flag('join shards although some outcomes are missing'),
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
