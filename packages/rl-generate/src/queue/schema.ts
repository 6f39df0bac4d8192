import type { Answer } from '../measure/types.ts'
import {
  JOB_VERSION,
  type LateResult,
  type QueueExample,
  type QueueJob,
  type QueuePrompt,
  type QueueResult,
} from './job.ts'

/**
 * What comes out of a queue may have been written by anybody: jobs and results are checked before they are used, and
 * fields that nobody knows are left out.
 */
export type Checked<T> = { readonly value: T } | { readonly wrong: string }

export function isWrong<T>(checked: Checked<T>): checked is { readonly wrong: string } {
  return 'wrong' in checked
}

/** Most characters of a text that a worker may send. */
const MAX_TEXT_CHARS = 1_000_000
const KINDS: readonly unknown[] = ['transient', 'refused', 'prompt'] satisfies Answer['kind'][]

/** A score as a backend gives it; this package only passes it on. */
interface Score {
  readonly answer: string
  readonly logProb: number
  readonly tokens: number
}

/** Thrown and caught in this file. */
class Wrong extends Error {}

/** @param prompts of the job, where they are known: one answer each, with the scores that were asked for */
export function checkResult(value: unknown, prompts?: readonly QueuePrompt[]): Checked<QueueResult> {
  return attempt(() => readResult(value, prompts))
}

export function checkLate(value: unknown): Checked<LateResult> {
  return attempt(() => {
    const { run, job } = record(value, 'the late result')
    return { ...readResult(value), run: text(run, 'run'), job: text(job, 'job') }
  })
}

/** A job of this version; `otherVersion` names another one, whose shape is not known here. */
export function checkJob(value: unknown): Checked<QueueJob> & { readonly otherVersion?: number } {
  const version =
    typeof value === 'object' && value !== null ? (value as { version?: unknown }).version : undefined
  const checked = attempt(() => readJob(value))
  return typeof version === 'number' && version !== JOB_VERSION
    ? { ...checked, otherVersion: version }
    : checked
}

function attempt<T>(read: () => T): Checked<T> {
  try {
    return { value: read() }
  } catch (error) {
    if (error instanceof Wrong) return { wrong: error.message }
    throw error
  }
}

function readResult(value: unknown, prompts?: readonly QueuePrompt[]): QueueResult {
  const { answers, stats } = record(value, 'the result')
  const list = array(answers, 'answers')
  if (prompts !== undefined && list.length !== prompts.length) {
    throw new Wrong(`${list.length} answers to ${prompts.length} prompts`)
  }
  return {
    answers: list.map((answer, i) => readAnswer(answer, `answers[${i}]`, prompts?.[i])),
    stats: readStats(stats),
  }
}

function readAnswer(value: unknown, at: string, prompt: QueuePrompt | undefined): Answer {
  const { text: said, raw, error, kind, scores } = record(value, at)
  if (kind !== undefined && !KINDS.includes(kind)) throw new Wrong(`${at}.kind is ${shown(kind)}`)
  const read = scores === undefined ? undefined : readScores(scores, `${at}.scores`)
  const wanted = prompt?.scoreAnswers ?? []
  if (prompt !== undefined && error === undefined && !isOf(wanted, read ?? [])) {
    throw new Wrong(`${at}.scores are not those of the ${wanted.length} answers to score`)
  }
  return {
    text: text(said, `${at}.text`),
    ...(raw !== undefined && { raw: text(raw, `${at}.raw`) }),
    ...(error !== undefined && { error: text(error, `${at}.error`) }),
    ...(kind !== undefined && { kind: kind as NonNullable<Answer['kind']> }),
    ...(read !== undefined && { scores: read }),
  }
}

function readScores(value: unknown, at: string): Score[] {
  return array(value, at).map((score, i) => {
    const { answer, logProb, tokens } = record(score, `${at}[${i}]`)
    return {
      answer: text(answer, `${at}[${i}].answer`),
      logProb: number(logProb, `${at}[${i}].logProb`),
      tokens: number(tokens, `${at}[${i}].tokens`),
    }
  })
}

function isOf(wanted: readonly string[], scores: readonly Score[]): boolean {
  return wanted.length === scores.length && wanted.every((answer, i) => scores[i]!.answer === answer)
}

function readStats(value: unknown): Record<string, number> {
  if (value === undefined) return {}
  const entries = Object.entries(record(value, 'stats'))
  return Object.fromEntries(entries.map(([name, count]) => [name, number(count, `stats.${name}`)]))
}

function readJob(value: unknown): QueueJob {
  const { version, run, from, protocol, scoresOnly, prompts } = record(value, 'the job')
  const { hash, ...fields } = record(protocol, 'protocol')
  return {
    version: number(version, 'version'),
    run: text(run, 'run'),
    from: text(from, 'from'),
    protocol: { ...fields, hash: text(hash, 'protocol.hash') },
    ...(scoresOnly === true && { scoresOnly }),
    prompts: array(prompts, 'prompts').map((prompt, i) => readPrompt(prompt, `prompts[${i}]`)),
  }
}

function readPrompt(value: unknown, at: string): QueuePrompt {
  const { key, demonstrations, query, scoreAnswers } = record(value, at)
  const scored = scoreAnswers === undefined ? [] : array(scoreAnswers, `${at}.scoreAnswers`)
  return {
    key: text(key, `${at}.key`),
    demonstrations: array(demonstrations, `${at}.demonstrations`).map((one, i) => {
      const place = `${at}.demonstrations[${i}]`
      return { ...readExample(one, place), answer: text(record(one, place)['answer'], `${place}.answer`) }
    }),
    query: readExample(query, `${at}.query`),
    ...(scored.length > 0 && { scoreAnswers: scored.map((one, i) => text(one, `${at}.scoreAnswers[${i}]`)) }),
  }
}

function readExample(value: unknown, at: string): Omit<QueueExample, 'answer'> {
  const { id, image, context, question } = record(value, at)
  return {
    id: number(id, `${at}.id`),
    ...(image !== undefined && { image: text(image, `${at}.image`) }),
    ...(context !== undefined && { context: text(context, `${at}.context`) }),
    question: text(question, `${at}.question`),
  }
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new Wrong(`${at} is ${shown(value)}, not an object`)
}

function array(value: unknown, at: string): unknown[] {
  if (Array.isArray(value)) return value
  throw new Wrong(`${at} is ${shown(value)}, not a list`)
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string') throw new Wrong(`${at} is ${shown(value)}, not a text`)
  if (value.length <= MAX_TEXT_CHARS) return value
  throw new Wrong(`${at} has ${value.length} characters, more than ${MAX_TEXT_CHARS}`)
}

function number(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new Wrong(`${at} is ${shown(value)}, not a finite number`)
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  const json = JSON.stringify(value)
  return json.length > 40 ? `${json.slice(0, 40)}...` : json
}
