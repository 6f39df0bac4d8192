import { rm } from 'node:fs/promises'
import type { Device } from '@lever/vqa-model'
import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { BUNDLED_MODEL, makeFolderOf, requireNew } from '../files.ts'
import { datasetOptions, skipImagesOption } from '../options/data.ts'
import { modelOptions } from '../options/model.ts'
import { openDataset, placesOf } from '../pipeline/inputs/dataset.ts'

export const embed: Command = defineCommand({
  describe:
    'Turns the image and the text of every question of a dataset into a vector, by which generate, train and evaluate find similar ones. Writes one safetensors file with a row per question.',
  example: 'lever embed --dataset node_modules/@lever/shapes-vqa/world/train --out train.safetensors',
  async options() {
    const { embedderNames, TEXT_SOURCES } = await import('@lever/vqa-model')
    const { EMBEDDING_KINDS } = await import('@lever/tensor-files')
    return {
      Data: { ...datasetOptions, ...skipImagesOption },
      Model: {
        embedder: {
          type: 'text',
          about:
            'embedder (vision-pool: vision encoder of a VQA model and counts of words, for small vocabularies like that of the bundled model; clip: a CLIP model; sentence: a model of sentences, which takes the context of an example in place of its image)',
          choices: embedderNames,
          default: 'vision-pool',
        },
        model: {
          ...modelOptions.model,
          about:
            'model of the embedder, a folder in the ONNX layout of the Hub or the id of a downloaded model: a VQA model for vision-pool, a CLIP model such as Xenova/clip-vit-base-patch32 for clip, one such as Xenova/all-MiniLM-L6-v2 for sentence (lever doctor --download ID)',
        },
        device: {
          type: 'text',
          about: 'device of the embedder: cpu, cuda, cuda:1, webgpu, dml, coreml or auto',
          default: 'cpu',
        },
        threads: { type: 'number', about: 'processor threads', default: 2, min: 1, whole: true },
        kind: {
          type: 'text',
          about: 'content of a row: the image, the text, or both in one row',
          choices: EMBEDDING_KINDS,
          default: 'both',
        },
        textOf: {
          type: 'text',
          about: 'text of an example: its question, its context, or both as one text',
          choices: TEXT_SOURCES,
          default: 'question',
        },
      },
      Output: {
        out: {
          type: 'text',
          about: 'new safetensors file; folders above it are created',
          required: true,
          aliases: ['output-path'],
        },
      },
    }
  },
  interrupted: () => CONTINUES,
  async run(options, { progress, signal }) {
    const { model = BUNDLED_MODEL, device, threads, embedder: name, kind, textOf, out } = options
    await requireNew(out, '--out')
    const { place } = placesOf(options)
    const dataset = await openDataset(place, progress)
    const { embedExamples, openEmbedder } = await import('@lever/vqa-model')
    const { writeEmbeddings } = await import('@lever/tensor-files')
    const onNotice = (line: string): void => progress.info(line)
    const embedder = await openEmbedder({
      ...{ embedder: name, model, threads, onNotice },
      device: device as Device,
    })
    const journal = `${out}.journal.jsonl`
    try {
      await makeFolderOf(out, '--out')
      const stage = progress.stage('embed', { total: dataset.examples.length, unit: 'questions' })
      const { skipped, ...embedded } = await embedExamples(embedder, dataset.examples, {
        ...{ kind, textOf, source: dataset.hash, signal, journal, skipBroken: options.skipUnreadableImages },
        skipName: '--skip-unreadable-images',
        onProgress: (done) => stage.update(done),
      })
      stage.end()
      for (const { id, reason } of skipped) progress.warn(`left out example ${id}: ${reason}`)
      await requireNew(out, '--out')
      await writeEmbeddings(out, embedded)
      await rm(journal)
      const { ids, dim, model: name, modelHash: model_hash, source, imageDim } = embedded
      const facts = { model: name, kind, source, model_hash, image_dim: String(imageDim) }
      return {
        json: { out, rows: ids.length, dim, skipped, ...facts },
        text: `${out}: ${ids.length} rows of ${dim} numbers (${kind}) by ${name}`,
      }
    } finally {
      await embedder.close()
    }
  },
})
