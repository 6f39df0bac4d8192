import { readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Annotation, AnswerObject, Prediction } from '../src/index.ts'

const GOLDEN = new URL('../../../fixtures/golden/vqa-eval/', import.meta.url)

export interface Vector {
  readonly question_id: number | string
  readonly family: string
  readonly question_type: string
  readonly answer_type: string
  readonly answers: readonly string[]
  readonly answer_objects?: readonly AnswerObject[]
  readonly prediction: string
  readonly expected: {
    readonly processed: boolean
    readonly prediction_clean: string
    readonly prediction_punct: string
    readonly prediction_full: string
    readonly prediction_compared: string
    readonly answers_compared: readonly string[]
    readonly accuracy: number
    readonly accuracy_pct: number
    readonly leverplus_pct: number
    readonly fallback: readonly [number, number]
  }
}

export interface Aggregate {
  readonly name: string
  readonly question_ids: 'all' | readonly (number | string)[]
  readonly overall: number
  readonly overall_raw: number
  readonly perQuestionType: readonly (readonly [string, number])[]
  readonly perAnswerType: readonly (readonly [string, number])[]
}

export interface Accuracy {
  readonly overall: number
  readonly perQuestionType: Record<string, number>
  readonly perAnswerType: Record<string, number>
}

export interface Scenario {
  readonly name: string
  readonly annotations: string
  readonly questions: string
  readonly results: string
  readonly quesIds?: readonly number[]
  readonly official: {
    readonly ok: boolean
    readonly message?: string
    readonly accuracy?: Accuracy
    readonly evalQA?: readonly (readonly [number, number])[]
    readonly runs?: readonly { readonly accuracy: Accuracy }[]
  }
}

export function readVectors(): Vector[] {
  return parseLines(gunzipSync(readFileSync(new URL('public.jsonl.gz', GOLDEN))).toString('utf8')) as Vector[]
}

export function readAggregates(): Aggregate[] {
  return parseLines(readFileSync(new URL('public.aggregates.jsonl', GOLDEN), 'utf8')) as Aggregate[]
}

export function readScenarios(): Scenario[] {
  return JSON.parse(readFileSync(new URL('scenarios_public.json', GOLDEN), 'utf8')) as Scenario[]
}

function parseLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

export function humans(answers: readonly string[]): AnswerObject[] {
  return answers.map((answer, i) => ({ answer, answer_confidence: 'yes', answer_id: i + 1 }))
}

export function annotationOf(vector: Vector, image: number): Annotation {
  return {
    question_id: vector.question_id,
    image_id: image,
    question_type: vector.question_type,
    answer_type: vector.answer_type,
    answers: vector.answer_objects ?? humans(vector.answers),
  }
}

export function predictionOf({ question_id, prediction }: Vector): Prediction {
  return { question_id, answer: prediction }
}

/** A question whose first `yes` of ten humans say "yes" and the others "no". */
export function question(id: number | string, yes: number, more: Partial<Annotation> = {}): Annotation {
  return {
    question_id: id,
    image_id: 1,
    question_type: 'is the',
    answer_type: 'yes/no',
    answers: humans(Array.from({ length: 10 }, (_, i) => (i < yes ? 'yes' : 'no'))),
    ...more,
  }
}

/** Writes files into a new folder and returns their paths under the same names. */
export async function writeFiles<K extends string>(
  files: Record<K, string | Uint8Array>,
): Promise<Record<K, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-eval-'))
  const paths = {} as Record<K, string>
  for (const [name, content] of Object.entries<string | Uint8Array>(files)) {
    paths[name as K] = join(folder, name)
    await writeFile(join(folder, name), content)
  }
  return paths
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a rejection')
}
