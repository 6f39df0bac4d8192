import { join } from 'node:path'
import { hashFile, hashOf, InputError } from '@lever/durable-files'
import { locateModel } from '../hub/locate.ts'
import { readModelFolder, type ModelFolder } from '../onnx/folder.ts'
import { createImageEncoder } from '../onnx/image-encoder.ts'
import { loadOrt } from '../onnx/ort.ts'
import { openSession } from '../onnx/sessions.ts'
import { loadTextCodec } from '../onnx/tokenizer.ts'
import { normalizeRows } from './normalize.ts'
import type { Embedder, EmbedderFiles, EmbedderOptions, ImageFile } from './types.ts'

/** Above this a bag of words is not a sensible vector. */
const LARGEST_VOCABULARY = 8192

/**
 * Embeddings from a VQA model's own folder, nothing else needed. Image: mean over the visual
 * tokens of its vision encoder. Text: bag of words, one count per row of the tokenizer's
 * vocabulary, special tokens left out.
 *
 * @throws InputError if the folder is wrong or the vocabulary is too large
 */
export async function openVisionPool({
  model,
  device = 'cpu',
  threads = 1,
  pixels,
}: EmbedderOptions): Promise<Embedder> {
  const folder = await readModelFolder(model)
  const encoderFile = folder.sessions.vision_encoder
  if (encoderFile === undefined) {
    throw new InputError(
      `vqa-model: ${folder.path} is a text model and has no vision encoder; use the embedder "sentence" or "clip"`,
    )
  }
  const codec = await loadTextCodec(folder.path)
  const words = codec.vocabularySize
  if (words > LARGEST_VOCABULARY) {
    throw new InputError(
      `vqa-model: a bag of words over the ${words} tokens of ${folder.path} is too long; use the embedder "clip"`,
    )
  }
  const special = new Set(codec.specialTokens.flatMap((token) => [...codec.encode(token)]))
  const ort = await loadOrt()
  const session = await openSession(ort, encoderFile, { device, threads })
  const encoder = createImageEncoder({ ort, session, folder, pixels })
  const hashes = await Promise.all(
    fixingFiles(folder).map(async (file) => [file, await hashFile(join(folder.path, file))] as const),
  )

  async function pooled(file: ImageFile): Promise<Float32Array> {
    const { features } = await (typeof file === 'string'
      ? encoder.encode(file)
      : encoder.encode(file.name, file.bytes))
    const count = features.length / folder.width
    const mean = new Float32Array(folder.width)
    for (let token = 0; token < count; token++) {
      for (let i = 0; i < folder.width; i++) mean[i]! += features[token * folder.width + i]! / count
    }
    return mean
  }

  return {
    name: `${folder.name}:vision-pool+bag-of-words`,
    dim: { image: folder.width, text: words },
    both: 'concatenate',
    hash: hashOf({ files: Object.fromEntries(hashes), pixels: encoder.pixels }),
    async images(files) {
      const rows = new Float32Array(files.length * folder.width)
      for (const [row, file] of files.entries()) rows.set(await pooled(file), row * folder.width)
      return normalizeRows(rows, folder.width)
    },
    texts(texts) {
      const rows = new Float32Array(texts.length * words)
      for (const [row, text] of texts.entries()) {
        for (const id of codec.encode(text)) if (!special.has(id)) rows[row * words + id]! += 1
      }
      return Promise.resolve(normalizeRows(rows, words))
    },
    close: () => session.release(),
  }
}

/** Files that fix an embedding. */
function fixingFiles({ preprocessorFile, sessionFiles }: ModelFolder): string[] {
  return [preprocessorFile ?? 'preprocessor_config.json', 'tokenizer.json', ...sessionFiles.vision_encoder!]
}

/** Where a VQA model lies, and its files. @throws InputError if there is none */
export async function visionPoolFiles(model: string): Promise<EmbedderFiles> {
  const { id } = await locateModel(model)
  const { path, files } = await readModelFolder(model)
  return { path, id, files }
}
