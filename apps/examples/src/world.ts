import { fileURLToPath } from 'node:url'
import type { Selector } from '@lever/icl-eval'
import type { EmbeddingMatrix, Policy } from '@lever/pointer-model'
import { scoreAnswer } from '@lever/vqa-eval'
import { readDataset, type VqaDataset, type VqaExample } from '@lever/vqa-dataset'
import type { Embeddings, VqaPrompt } from '@lever/vqa-model'

/** How many questions are measured, and how many are asked at the end. */
export interface Questions {
  train: number
  test: number
}

export interface World {
  /** All solved examples. */
  candidates: readonly VqaExample[]
  train: readonly VqaExample[]
  test: readonly VqaExample[]
  /** Of the VQA model and embedder. */
  folder: string
}

const BUNDLED = fileURLToPath(new URL('../../../fixtures/shapes-vqa', import.meta.url))

/** The bundled world. Of a dataset of your own: the paths of its files here. */
export async function openWorld({ train, test }: Questions): Promise<World> {
  const read = (split: string): Promise<VqaDataset> =>
    readDataset({
      questions: `${BUNDLED}/world/${split}/questions.json`,
      annotations: `${BUNDLED}/world/${split}/annotations.json`,
      images: `${BUNDLED}/world/images`,
    })
  const { examples } = await read('train')
  return {
    candidates: examples,
    train: examples.slice(0, train),
    test: (await read('test')).examples.slice(0, test),
    folder: `${BUNDLED}/model`,
  }
}

type Shown = Pick<VqaExample, 'id' | 'question' | 'answer'> & { readonly image?: string }

/** What is asked, as the packages give it. */
export interface Asked {
  readonly demonstrations: readonly Shown[]
  readonly query: Shown
}

/** The same as the model takes it. The bundled world has every image. */
export function promptOf({ demonstrations, query }: Asked): VqaPrompt {
  const shown = ({ id, question, answer, image }: Shown): VqaPrompt['demonstrations'][number] => {
    return { id, question, answer, image: image! }
  }
  return { demonstrations: demonstrations.map(shown), query: shown(query) }
}

/** The official accuracy. */
export function scoreOf(
  prediction: string,
  { answers }: { readonly answers: readonly string[] },
): { accuracy: number; mode: 'file' } {
  return { accuracy: scoreAnswer(prediction, answers).accuracy, mode: 'file' }
}

/** Embeddings with ids that are numbers. */
export function tableOf({ ids, embeddings, dim }: Embeddings): EmbeddingMatrix & { ids: number[] } {
  return { ids: Array.from(ids, Number), data: embeddings, dim }
}

/** What a policy chooses, as a selector asks it. */
export function policyChoice(
  policy: Policy,
  asked: EmbeddingMatrix & { ids: readonly number[] },
  candidates: EmbeddingMatrix & { ids: readonly number[] },
): Selector['select'] {
  const rows = new Map(candidates.ids.map((id, row) => [id, row]))
  return async ({ query, pool }, shots) => {
    const item = { row: asked.ids.indexOf(query.id), pool: pool.map(({ id }) => rows.get(id)!) }
    const [choice] = await policy.greedy({ queries: asked, candidates, items: [item] }, { shots })
    return Array.from(choice!.pointer, (position) => pool[position]!.id)
  }
}

/** Runs a generator to its end. */
export async function finish<T>(events: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) return value
  }
}
