import { InputError } from '@lever/durable-files'
import type { Embeddings } from '@lever/tensor-files'

/** What made the embeddings that a policy was trained on. */
export type EmbedderFacts = Pick<Embeddings, 'model' | 'modelHash' | 'kind'>

/**
 * Refuses embeddings of another embedder or kind than a policy was trained on: sizes may agree where spaces do not.
 * Files that do not say what made them pass.
 *
 * @throws InputError that names both
 */
export function checkEmbedder(
  { embeddings: known }: { readonly embeddings?: EmbedderFacts },
  given: EmbedderFacts,
  path: string,
): void {
  if (known === undefined) return
  const isSame =
    known.kind === given.kind &&
    (known.modelHash === '' || given.modelHash === '' || known.modelHash === given.modelHash)
  if (isSame) return
  throw new InputError(
    `${path} was trained on embeddings ${embedderText(known)}, and these are ${embedderText(given)}; give the embeddings that it was trained on, or train on these`,
  )
}

/** What made embeddings, in words. */
export function embedderText({ kind, model, modelHash }: EmbedderFacts): string {
  return `of kind ${kind} by ${model}${modelHash === '' ? '' : ` (${modelHash.slice(0, 12)})`}`
}
