import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew } from '../files.ts'
import { choice, number, text } from '../options.ts'
import { datasetOptions, openDataset, placesOf } from '../pipeline/dataset.ts'
import { embedDataset } from '../pipeline/embeddings.ts'
import { modelOptions } from '../pipeline/model.ts'

export const embed: Command = defineCommand({
  describe: 'Embeddings of a dataset: one safetensors file, a row per question.',
  example: 'lever embed --dataset fixtures/shapes-vqa/world/train --out train.safetensors',
  async options() {
    const { embedderNames, embeddingKinds } = await import('@lever/vqa-model')
    const { model, device } = modelOptions
    return {
      ...datasetOptions,
      model,
      device,
      threads: number('threads', { default: 2, min: 1, whole: true }),
      embedder: choice('what makes the vectors', embedderNames, { default: 'vision-pool' }),
      kind: choice('what is embedded', embeddingKinds, { default: 'both' }),
      out: text('new safetensors file', { required: true, aliases: ['output-path'] }),
    }
  },
  async run(options, { progress, signal }) {
    const { model, device, threads, embedder: name, kind, out } = options
    await requireNew(out, '--out')
    const dataset = await openDataset(placesOf(options).place, progress)
    const { openEmbedder, writeEmbeddings } = await import('@lever/vqa-model')
    const onNotice = (line: string): void => progress.info(line)
    const embedder = await openEmbedder({ embedder: name, model, device, threads, onNotice })
    try {
      const stage = progress.stage('embed', { total: dataset.examples.length, unit: 'questions' })
      const embedded = await embedDataset(embedder, dataset, {
        kind,
        signal,
        onProgress: (done) => stage.update(done),
      })
      stage.end()
      await requireNew(out, '--out')
      await writeEmbeddings(out, embedded)
      const { rows, dim, metadata } = embedded
      return {
        json: { out, rows, dim, ...metadata },
        text: `${out}: ${rows} rows of ${dim} numbers (${kind}) by ${metadata.model}`,
      }
    } finally {
      await embedder.close()
    }
  },
})
