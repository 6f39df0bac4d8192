import { hashOf } from '@lever/durable-files'
import type { Answer, Answered, Prompt } from './types.ts'

/** Where answers are kept between calls and runs. A `Journal<Answered>` of `@lever/durable-files` is one. */
export interface AnswerStore {
  get(key: string): Answered | undefined
  append(key: string, value: Answered): Promise<unknown>
}

export interface AskProgress {
  /** Prompts that have an answer, from the store or from the model. */
  readonly done: number
  readonly total: number
  /** Of `done`, those that the store held. */
  readonly cached: number
}

export interface AskOptions {
  readonly answer: Answer
  /** Keeps answers, so that an interrupted run continues and a selector added later costs only its own prompts. */
  readonly journal?: AnswerStore
  /** Hash of everything else that fixes an answer (model, prompt, decoding, data set); part of the keys. */
  readonly protocol?: string
  /** Prompts per call of `answer`. Default 256. */
  readonly batchSize?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: AskProgress) => void
}

export interface AskStats {
  /** Different prompts. */
  readonly prompts: number
  readonly cached: number
  readonly asked: number
  readonly failed: number
}

/** Asks each different prompt once, however often and in whatever order prompts come. */
export interface Asker {
  ask(prompts: readonly Prompt[]): Promise<readonly Answered[]>
  stats(): AskStats
}

/**
 * Wraps `answer`: equal prompts are asked once, answers come from the journal where it has them, and the rest is sent
 * in batches sorted by demonstrations, so that prompts which begin alike are neighbours and a model can share the
 * computation of their common beginning. Answers are appended to the journal batch by batch; failed ones are not, so
 * a later run tries them again.
 *
 * `ask` throws the reason of `signal` when aborted, and an Error when `answer` returns another number of results.
 */
export function createAsker({
  answer,
  journal,
  protocol = '',
  batchSize = 256,
  signal,
  onProgress,
}: AskOptions): Asker {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`icl-eval: batchSize must be a positive integer, got ${batchSize}`)
  }
  const known = new Map<string, Answered>()
  let [cached, asked, failed] = [0, 0, 0]

  const recall = (prompt: Prompt, id: string): void => {
    if (known.has(id)) return
    const stored = journal?.get(answerKey(protocol, prompt))
    if (stored === undefined) return
    known.set(id, stored)
    cached += 1
  }

  const send = async (batch: readonly Prompt[]): Promise<void> => {
    signal?.throwIfAborted()
    const results = await answer(batch, signal ? { signal } : {})
    if (results.length !== batch.length) {
      throw new Error(`icl-eval: answer returned ${results.length} results for ${batch.length} prompts`)
    }
    const written = batch.map(async (prompt, i) => {
      const { text, error } = results[i]!
      const result = { text, ...(error !== undefined && { error }) }
      known.set(promptId(prompt), result)
      asked += 1
      if (error !== undefined) failed += 1
      else await journal?.append(answerKey(protocol, prompt), result)
    })
    await Promise.all(written)
  }

  const ask = async (prompts: readonly Prompt[]): Promise<readonly Answered[]> => {
    const ids = prompts.map(promptId)
    const open = new Map<string, Prompt>()
    prompts.forEach((prompt, i) => {
      recall(prompt, ids[i]!)
      if (!known.has(ids[i]!)) open.set(ids[i]!, prompt)
    })
    const queue = Array.from(open.values()).sort(byDemonstrations)
    const total = known.size + queue.length
    onProgress?.({ done: known.size, total, cached })
    for (let start = 0; start < queue.length; start += batchSize) {
      await send(queue.slice(start, start + batchSize))
      onProgress?.({ done: known.size, total, cached })
    }
    return ids.map((id) => known.get(id)!)
  }

  return { ask, stats: () => ({ prompts: known.size, cached, asked, failed }) }
}

/** The journal key of a prompt: a hash of the protocol, the query and the ordered demonstrations. */
export function answerKey(protocol: string, { demonstrations, query }: Prompt): string {
  return hashOf({ protocol, query: query.id, demonstrations: demonstrations.map(({ id }) => id) })
}

function promptId({ demonstrations, query }: Prompt): string {
  return `${query.id}:${demonstrations.map(({ id }) => id).join(',')}`
}

/** Lexicographic by demonstration ids, then by query: prompts with a common beginning are adjacent. */
function byDemonstrations(a: Prompt, b: Prompt): number {
  const shared = Math.min(a.demonstrations.length, b.demonstrations.length)
  for (let i = 0; i < shared; i++) {
    const order = a.demonstrations[i]!.id - b.demonstrations[i]!.id
    if (order !== 0) return order
  }
  return a.demonstrations.length - b.demonstrations.length || a.query.id - b.query.id
}
