import { hashOf, InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { AnswerFunction, Answer, ExamplePrompt } from './types.ts'

/** Where answers are kept between calls and runs. A `Journal<Answer>` of `@lever/durable-files` is one. */
export interface AnswerStore {
  /** The answer that is kept under a key. */
  get(key: string): Answer | undefined
  /** Keeps an answer; resolves when it is safe. */
  append(key: string, value: Answer): Promise<unknown>
}

/** How many prompts are answered. */
export interface AskProgress {
  /** Prompts that have an answer, from the store or from the model. */
  readonly done: number
  readonly total: number
  /** Of `done`, those that the store held. */
  readonly cached: number
}

/** The model that answers, and how its answers are kept. */
export interface AskOptions {
  /**
   * Asks the model: one answer a prompt, in order. An answer with `error` counts as failed; a rejection ends the
   * run.
   */
  readonly answer: AnswerFunction
  /** Keeps answers, so that an interrupted run continues and a selector added later costs only its own prompts. */
  readonly journal?: AnswerStore | undefined
  /** Hash of everything else that fixes an answer (model, prompt, decoding, dataset); part of the keys. */
  readonly protocol?: string | undefined
  /** Prompts per call of `answer`. Default 256. */
  readonly batchSize?: number | undefined
  /** Calls of `answer` at one time. With a batch size of 1 every answer is kept as soon as it is there. Default 1. */
  readonly concurrency?: number | undefined
  /** Stop at an answer that failed, once those that are on the way are kept. Default false: it counts nowhere. */
  readonly strict?: boolean | undefined
  /** Begins no further call once it is aborted, and is handed to `answer`; its reason is thrown. */
  readonly signal?: AbortSignal | undefined
  /** Called at the beginning and after every call of `answer`. */
  readonly onProgress?: ((progress: AskProgress) => void) | undefined
}

export const ASK_OPTIONS: OptionNames<AskOptions> = {
  answer: true,
  journal: true,
  protocol: true,
  batchSize: true,
  concurrency: true,
  strict: true,
  signal: true,
  onProgress: true,
}

/** Counts of prompts: answered from the store, asked, failed. */
export interface AskStats {
  /** Different prompts. */
  readonly prompts: number
  readonly cached: number
  readonly asked: number
  readonly failed: number
}

/** Asks each different prompt once, however often and in whatever order prompts come. */
export interface Asker {
  /** One answer a prompt, in order. */
  ask(prompts: readonly ExamplePrompt[]): Promise<readonly Answer[]>
  /** Counts since it was created. */
  stats(): AskStats
}

/**
 * Wraps `answer`: equal prompts are asked once, answers come from the journal where it has them, and the rest is sent
 * in batches sorted by demonstrations, so that prompts which begin alike are neighbours and a model can share the
 * computation of their common beginning. The answers of a call are appended to the journal as soon as it returns, also
 * when another call fails; failed answers are not, so a later run tries them again.
 *
 * `ask` throws the reason of `signal` when aborted, what `answer` throws, and an Error when it returns another number of
 * results.
 *
 * @throws RangeError if `batchSize` or `concurrency` is not a positive integer
 * @throws InputError (from `ask`) if `strict` is true and an answer failed
 */
export function createAsker(options: AskOptions): Asker {
  refuseUnknownOptions(options, ASK_OPTIONS, 'icl-eval: createAsker')
  const { journal, protocol = '', batchSize = 256, concurrency = 1, onProgress } = options
  for (const [name, value] of Object.entries({ batchSize, concurrency })) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new RangeError(`icl-eval: ${name} must be a positive integer, got ${value}`)
  }
  const known = new Map<string, Answer>()
  let [cached, asked, failed] = [0, 0, 0]

  const recall = (prompt: ExamplePrompt, id: string): void => {
    if (known.has(id)) return
    const stored = journal?.get(answerKey(protocol, prompt))
    if (stored === undefined) return
    known.set(id, stored)
    cached += 1
  }

  const keep = async (prompt: ExamplePrompt, { text, error, scores }: Answer): Promise<void> => {
    const result = { text, ...(scores && { scores }), ...(error !== undefined && { error }) }
    known.set(promptId(prompt), result)
    asked += 1
    if (error !== undefined) failed += 1
    else await journal?.append(answerKey(protocol, prompt), result)
  }

  const ask = async (prompts: readonly ExamplePrompt[]): Promise<readonly Answer[]> => {
    const ids = prompts.map(promptId)
    const open = new Map<string, ExamplePrompt>()
    prompts.forEach((prompt, i) => {
      recall(prompt, ids[i]!)
      if (!known.has(ids[i]!)) open.set(ids[i]!, prompt)
    })
    const queue = Array.from(open.values()).sort(byDemonstrations)
    const total = known.size + queue.length
    onProgress?.({ done: known.size, total, cached })
    await inParallel(batchesOf(queue, batchSize), concurrency, async (batch) => {
      await send(batch, options, keep)
      onProgress?.({ done: known.size, total, cached })
    })
    return ids.map((id) => known.get(id)!)
  }

  return { ask, stats: () => ({ prompts: known.size, cached, asked, failed }) }
}

/** Asks for one batch and keeps what comes back. */
async function send(
  batch: readonly ExamplePrompt[],
  { answer, signal, strict = false }: AskOptions,
  keep: (prompt: ExamplePrompt, answered: Answer) => Promise<void>,
): Promise<void> {
  signal?.throwIfAborted()
  const results = await answer(batch, signal ? { signal } : {})
  if (results.length !== batch.length) {
    throw new Error(`icl-eval: answer returned ${results.length} results for ${batch.length} prompts`)
  }
  await Promise.all(batch.map((prompt, i) => keep(prompt, results[i]!)))
  const wrong = strict ? results.findIndex(({ error }) => error !== undefined) : -1
  if (wrong < 0) return
  throw new InputError(
    `question ${batch[wrong]!.query.id} cannot be answered: ${results[wrong]!.error!}; repair it, or go on without it (--no-strict)`,
  )
}

function batchesOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}

/** Works through items in order, so many at one time. After a failure none is begun; it is thrown when the others are done. */
async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      await work(items[next++]!).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

/** The journal key of a prompt: a hash of the protocol, the query and the ordered demonstrations. */
export function answerKey(protocol: string, { demonstrations, query }: ExamplePrompt): string {
  return hashOf({ protocol, query: query.id, demonstrations: demonstrations.map(({ id }) => id) })
}

function promptId({ demonstrations, query }: ExamplePrompt): string {
  return `${query.id}:${demonstrations.map(({ id }) => id).join(',')}`
}

/** Lexicographic by demonstration ids, then by query: prompts with a common beginning are adjacent. */
function byDemonstrations(a: ExamplePrompt, b: ExamplePrompt): number {
  const shared = Math.min(a.demonstrations.length, b.demonstrations.length)
  for (let i = 0; i < shared; i++) {
    const order = a.demonstrations[i]!.id - b.demonstrations[i]!.id
    if (order !== 0) return order
  }
  return a.demonstrations.length - b.demonstrations.length || a.query.id - b.query.id
}
