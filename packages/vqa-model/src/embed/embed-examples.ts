import { InputError } from '@lever/durable-files'
import { EMBEDDING_KINDS, type EmbeddingKind, type Embeddings } from '@lever/tensor-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { embedBatch, halvesOf, newInputs, type Halves, type Rows } from './embed-batch.ts'
import { openEmbedJournal } from './embed-journal.ts'
import { joinRows } from './normalize.ts'
import { TEXT_SOURCES, type Embedder, type ExampleToEmbed, type TextSource } from './types.ts'

/** Which kinds of embeddings are made, and how an interrupted run continues. */
export interface EmbedOptions {
  /** what of an example a row is of: its image, its text, or both in one; `both` when left out */
  kind?: EmbeddingKind
  /** of what of an example the text's rows are; the question when left out */
  textOf?: TextSource
  /** what the examples are, e.g. the hash of their data set */
  source?: string
  /** leave out examples whose image cannot be used, instead of failing at the end */
  skipBroken?: boolean
  /** how a message calls `skipBroken` */
  skipName?: string
  /** examples that are embedded together; 32 when left out */
  batch?: number
  /** file that keeps the rows of finished batches, so that a later call continues; deleted by the caller */
  journal?: string
  /** ends between two batches; with a journal the same call continues */
  signal?: AbortSignal
  /** called with the number of examples that are done */
  onProgress?: (done: number) => void
}

export const EMBED_OPTIONS: OptionNames<EmbedOptions> = {
  kind: true,
  textOf: true,
  source: true,
  skipBroken: true,
  skipName: true,
  batch: true,
  journal: true,
  signal: true,
  onProgress: true,
}

/** Embeddings of examples, and those that were left out. */
export interface EmbedResult extends Embeddings {
  /** examples left out, with the reason */
  skipped: readonly { id: number; reason: string }[]
}

/**
 * Embeddings of examples, in their order. Each image file and each text is embedded once. With a journal, an interrupted
 * call continues to the same bytes: batches that are kept there are not computed again.
 *
 * @throws InputError if images cannot be used (all of them listed, after the others were embedded), if two examples have
 * one id, if the kind is unknown, or if the journal belongs to another embedder
 */
export async function embedExamples(
  embedder: Embedder,
  examples: readonly ExampleToEmbed[],
  options: EmbedOptions = {},
): Promise<EmbedResult> {
  refuseUnknownOptions(options, EMBED_OPTIONS, 'vqa-model: embedExamples')
  const {
    kind = 'both',
    textOf = 'question',
    source = '',
    skipBroken = false,
    skipName = 'skipBroken: true',
    batch = 32,
    journal,
    signal,
    onProgress = () => undefined,
  } = options
  if (!EMBEDDING_KINDS.includes(kind)) {
    throw new InputError(
      `vqa-model: unknown kind of embeddings "${kind as string}"; choose one of ${EMBEDDING_KINDS.join(', ')}`,
    )
  }
  if (!TEXT_SOURCES.includes(textOf)) {
    throw new InputError(
      `vqa-model: unknown source of texts "${textOf as string}"; choose one of ${TEXT_SOURCES.join(', ')}`,
    )
  }
  checkIds(examples)
  const { imageOf = 'image' } = embedder
  const halves = halvesOf(embedder, textOf)
  const known: Rows = { images: new Map(), texts: new Map() }
  const reasons = new Map<string, string>()
  const kept = journal === undefined ? undefined : await openEmbedJournal(journal, embedder)
  try {
    for (let from = 0; from < examples.length; from += batch) {
      signal?.throwIfAborted()
      const inputs = newInputs(examples.slice(from, from + batch), { kind, halves, imageOf }, known)
      let rows = await kept?.get(inputs)
      if (rows === undefined) {
        const made = await embedBatch(embedder, inputs)
        rows = made.rows
        for (const [path, reason] of made.reasons) reasons.set(path, reason)
        if (made.reasons.size === 0) await kept?.keep(inputs, rows)
      }
      for (const [path, row] of rows.images) known.images.set(path, row)
      for (const [text, row] of rows.texts) known.texts.set(text, row)
      onProgress(Math.min(from + batch, examples.length))
    }
  } finally {
    await kept?.close()
  }
  const broken = new Map<number, string>()
  for (const example of examples) {
    const reason = reasonOf(example, { kind, halves, imageOf }, reasons)
    if (reason !== undefined) broken.set(example.id, reason)
  }
  if (broken.size > 0 && !skipBroken) throw unreadable(broken, skipName, journal)
  const used = examples.filter(({ id }) => !broken.has(id))
  const { rows, dim } = rowsOf(embedder, used, { kind, halves }, known)
  return {
    ids: used.map(({ id }) => id),
    data: rows,
    dim,
    kind,
    imageDim: kind === 'both' && embedder.both === 'concatenate' ? embedder.dim.image : 0,
    model: embedder.name,
    modelHash: embedder.hash,
    source,
    skipped: Array.from(broken, ([id, reason]) => ({ id, reason })),
  }
}

/** Why an example has no row; undefined where it has one. */
function reasonOf(
  example: ExampleToEmbed,
  { kind, halves, imageOf }: { kind: EmbeddingKind; halves: Halves; imageOf: 'image' | 'context' },
  reasons: ReadonlyMap<string, string>,
): string | undefined {
  if (kind !== 'image' && halves.text(example) === undefined) return 'there is no context'
  if (kind === 'text') return undefined
  const shown = halves.image(example)
  return shown === undefined ? `there is no ${imageOf}` : reasons.get(shown)
}

const MAX_LISTED = 20

function unreadable(
  broken: ReadonlyMap<number, string>,
  skipName: string,
  journal: string | undefined,
): InputError {
  const lines = Array.from(broken, ([id, reason]) => `  example ${id}: ${reason}`)
  const more = lines.length > MAX_LISTED ? [`  and ${lines.length - MAX_LISTED} more`] : []
  const many = broken.size === 1 ? 'image of 1 example' : `images of ${broken.size} examples`
  const kept = journal === undefined ? '' : `; what is embedded is kept in ${journal}`
  return new InputError(
    `vqa-model: the ${many} cannot be used; repair what is listed, or leave it out (${skipName})${kept}\n${[...lines.slice(0, MAX_LISTED), ...more].join('\n')}`,
  )
}

function checkIds(examples: readonly ExampleToEmbed[]): void {
  const seen = new Set<number>()
  for (const { id } of examples) {
    if (!Number.isSafeInteger(id))
      throw new InputError(`vqa-model: the id ${id} of an example is not a whole number`)
    if (seen.has(id)) throw new InputError(`vqa-model: two examples have the id ${id}; ids must differ`)
    seen.add(id)
  }
}

function rowsOf(
  embedder: Embedder,
  examples: readonly ExampleToEmbed[],
  { kind, halves }: { kind: EmbeddingKind; halves: Halves },
  { images, texts }: Rows,
): { rows: Float32Array; dim: number } {
  const ofImages = embedder.imageOf === 'context' ? texts : images
  const { dim, both } = embedder
  const stack = (width: number, rowOf: (example: ExampleToEmbed) => Float32Array): Float32Array => {
    const rows = new Float32Array(examples.length * width)
    examples.forEach((example, i) => rows.set(rowOf(example), i * width))
    return rows
  }
  const imageRows = (): Float32Array => stack(dim.image, (example) => ofImages.get(halves.image(example)!)!)
  const textRows = (): Float32Array => stack(dim.text, (example) => texts.get(halves.text(example)!)!)
  if (kind === 'image') return { rows: imageRows(), dim: dim.image }
  if (kind === 'text') return { rows: textRows(), dim: dim.text }
  return joinRows(imageRows(), textRows(), { dim, both })
}
