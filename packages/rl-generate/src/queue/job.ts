import { hash } from 'node:crypto'
import { InputError } from '@lever/durable-files'
import { measurementKey } from '../measure/key.ts'
import type { Answer, ExamplePrompt } from '../measure/types.ts'
import type { Example } from '../types.ts'

/** A prompt as a job carries it. `key` names the measurement, as in the journal. */
export interface QueuePrompt {
  readonly key: string
  readonly demonstrations: readonly QueueExample[]
  readonly query: Omit<QueueExample, 'answer'>
  /** Answers whose log-probabilities are wanted. */
  readonly scoreAnswers?: readonly string[]
}

/** An example as a job of the queue holds it. */
export interface QueueExample {
  readonly id: number
  /** Path of the image on the machine of `lever generate`; absent where there is none. */
  readonly image?: string
  /** Text about the image, for models that show it. */
  readonly context?: string
  readonly question: string
  readonly answer: string
}

/** What fixes an answer, with its hash, as in `_meta` of the data. */
export interface QueueProtocol {
  readonly hash: string
  readonly [field: string]: unknown
}

/** A job: prompts that share images and prefixes, for one protocol. */
export interface QueueJob {
  readonly version: number
  /** Names the generation: its jobs are found by it after an interruption. */
  readonly run: string
  /** Who submitted it, for messages. */
  readonly from: string
  readonly protocol: QueueProtocol
  /** Nothing is to be decoded. A worker of before 0.2 decodes all the same, which changes no score. */
  readonly scoresOnly?: boolean
  readonly prompts: readonly QueuePrompt[]
}

/** What a worker gives back: one answer per prompt, in order. */
export interface QueueResult {
  readonly answers: readonly Answer[]
  /** Counts of the worker's model since its result before. */
  readonly stats: Readonly<Record<string, number>>
}

/** A result of a worker that had lost its job to another one. */
export interface LateResult extends QueueResult {
  readonly run: string
  readonly job: string
}

export const JOB_VERSION = 1
export const DEFAULT_QUEUE = 'lever'

/** The queue of late results beside a queue. */
export function lateQueue(name: string): string {
  return `${name}-late`
}

/** @throws InputError for a name that a queue cannot have */
export function checkQueueName(name: string): void {
  if (/^[\w.-]{1,100}$/.test(name)) return
  throw new InputError(
    `rl-generate: "${name}" is not a name of a queue; use letters, digits, dots and dashes (--queue-name)`,
  )
}

/** Equal prompts of one run make the same job: submitting it again changes nothing. */
export function jobId(run: string, prompts: readonly QueuePrompt[]): string {
  const keys = prompts.map(({ key }) => key).join('\n')
  return `${run}-${hash('sha256', keys).slice(0, 32)}`
}

export function isOfRun(id: string | undefined, run: string): id is string {
  return id !== undefined && id.startsWith(`${run}-`)
}

export function queuePrompt(
  { demonstrations, query }: ExamplePrompt,
  protocolHash: string,
  scoreAnswers: (query: Example) => readonly string[] = () => [],
): QueuePrompt {
  const scored = scoreAnswers(query)
  return {
    key: measurementKey(protocolHash, query, demonstrations),
    demonstrations: demonstrations.map((example) => ({ ...shown(example), answer: example.answer })),
    query: shown(query),
    ...(scored.length > 0 && { scoreAnswers: scored }),
  }
}

function shown({ id, image, context, question }: Example): Omit<QueueExample, 'answer'> {
  return {
    id,
    ...(image !== undefined && { image }),
    ...(context !== undefined && { context }),
    question,
  }
}
