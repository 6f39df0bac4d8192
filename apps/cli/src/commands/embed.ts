import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { makeFolderOf, requireNew } from '../files.ts'
import { choice, number, text } from '../options.ts'
import { datasetOptions, openDataset, placesOf } from '../pipeline/inputs/dataset.ts'
import { embedDataset } from '../pipeline/inputs/embeddings.ts'
import { modelOptions } from '../pipeline/model/model.ts'

export const embed: Command = defineCommand({
  describe:
    'Embeddings of a dataset: turns the image and the text of every question into a vector, by which generate, train and evaluate find what is similar. One safetensors file, a row per question.',
  example: 'lever embed --dataset fixtures/shapes-vqa/world/train --out train.safetensors',
  async options() {
    const { embedderNames, embeddingKinds } = await import('@lever/vqa-model')
    return {
      ...datasetOptions,
      embedder: choice(
        'what makes the vectors (vision-pool: the vision encoder of a VQA model and the words of the question, for small vocabularies like that of the bundled model; clip: a CLIP model)',
        embedderNames,
        { default: 'vision-pool' },
      ),
      model: text(
        'the model of the embedder, a folder in the ONNX layout of the Hub or the id of a downloaded one: a VQA model for vision-pool, a CLIP model such as Xenova/clip-vit-base-patch32 for clip (lever doctor --download ID)',
        { default: modelOptions.model.fallback, shown: 'the bundled model', aliases: ['vqa-model'] },
      ),
      device: text('where it runs: cpu, cuda, cuda:1, webgpu, dml, coreml or auto', { default: 'cpu' }),
      threads: number('processor threads', { default: 2, min: 1, whole: true }),
      kind: choice('what a row is made of (both: image and text in one row)', embeddingKinds, {
        default: 'both',
      }),
      out: text('the safetensors file to write; it must not exist yet, folders above it are made', {
        required: true,
        aliases: ['output-path'],
      }),
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
      await makeFolderOf(out, '--out')
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
