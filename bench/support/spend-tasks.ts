import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { PolicyTables, QueryIds } from '@lever/pointer-model'
import type { RlQuestion } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { buildPools } from '@lever/rl-generate'
import { pairsOf, readEmbeddings, writeEmbeddings } from '@lever/tensor-files'
import type { EmbeddingPairs } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore } from '@lever/vqa-eval'
import { answerWith, openVqaModel } from '@lever/vqa-model'
import { simulate } from './spend-simulation.ts'

/** What was measured of a pointer. */
export interface Outcome {
  /** Accuracy 0..1. */
  readonly accuracy: number
  /** Expected accuracy, where it was measured. */
  readonly expected?: number
}

/** A question to measure pointers of, by the ids of its pool. */
export interface Question extends QueryIds {
  readonly question: RlQuestion
  /** The pointers that can be measured, where not all can. */
  readonly allowed?: readonly (readonly number[])[]
}

/** A data set on which ways to spend prompts are compared. */
export interface Task {
  readonly name: string
  /** K */
  readonly shots: number
  /** An answer is right when its accuracy is above this (default 0). */
  readonly correctAbove?: number
  readonly questions: readonly Question[]
  readonly tables: PolicyTables
  readonly features: EmbeddingPairs
  /** Settings of `lever train` for the embeddings and rewards of this task. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Ids of demonstrations, in prompt order; outcomes in the order of the pointers. */
  readonly measure: (asked: readonly Asked[]) => Promise<readonly Outcome[]>
  readonly test: {
    readonly questions: readonly QueryIds[]
    readonly tables: PolicyTables
    readonly measure: (asked: readonly Asked[]) => Promise<readonly Outcome[]>
  }
  readonly close?: () => Promise<void>
}

export type Asked = readonly [queryId: number, pointer: readonly number[]]

const LEVER = fileURLToPath(new URL('../../apps/cli/bin/lever.js', import.meta.url))
const FIXTURE = fileURLToPath(new URL('../../fixtures/shapes-vqa/', import.meta.url))
const DATA = process.env['LEVER_DATA'] ?? fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** A task; undefined where its data is not there. What a model answers is kept in `folder`. */
export async function openTask(name: string, folder: string): Promise<Task | undefined> {
  await mkdir(folder, { recursive: true })
  if (name === 'okvqa-lm') return openReal()
  if (name === 'simulated') return openSimulated(folder)
  return openPlayed(name, folder)
}

/** A bundled world, answered by its model; every prompt is asked once and its outcome kept. */
async function openPlayed(name: string, folder: string): Promise<Task> {
  const prefix = name === 'composition' ? 'composition-' : ''
  const own = name === 'composition' ? 'library' : 'train'
  const model = await openVqaModel({
    ...{ backend: 'onnx', model: `${FIXTURE}${prefix}model`, workers: 1, threads: 1 },
  })
  const examples = async (split: string): Promise<readonly Example[]> =>
    (
      await readDataset({
        questions: `${FIXTURE}world/${prefix}${split}/questions.json`,
        annotations: `${FIXTURE}world/${prefix}${split}/annotations.json`,
        images: `${FIXTURE}world/images`,
      })
    ).examples
  const at = (split: string): string => join(folder, `${name}-${split}.safetensors`)
  for (const split of new Set([own, 'train', 'test'])) {
    if (existsSync(at(split))) continue
    const data = `${FIXTURE}world/${prefix}${split}`
    const given = ['embed', '--dataset', data, '--model', `${FIXTURE}${prefix}model`, '--out', at(split)]
    await promisify(execFile)('node', [LEVER, ...given, '--quiet'])
  }
  const [library, train, test] = await Promise.all([examples(own), examples('train'), examples('test')])
  const [candidates, trainRows, testRows] = await Promise.all(
    [own, 'train', 'test'].map(async (split) => readEmbeddings(at(split))),
  )
  const byId = new Map([...library, ...train, ...test].map((example) => [example.id, example]))
  const answer = answerWith(model)
  const score = officialScore()
  const measure = remember(join(folder, `${name}.jsonl`), async (asked) => {
    const signal = new AbortController().signal
    const prompts = asked.map(([query, pointer]) => ({
      query: byId.get(query)!,
      demonstrations: pointer.map((id) => byId.get(id)!),
    }))
    const answers = await answer(prompts, { signal })
    return answers.map(({ text }, i) => ({ accuracy: score(text, prompts[i]!.query).accuracy }))
  })
  const questionsOf = async (
    queries: readonly Example[],
    rows: typeof candidates,
  ): Promise<{ questions: Question[]; tables: PolicyTables; features: EmbeddingPairs }> => {
    const tables = { queries: rows!, candidates: candidates! }
    const features = pairsOf(tables)
    const { byQuery } = await buildPools({ queries, candidates: library, method: 'mixed', features })
    const questions = queries.map((query) => ({
      queryId: query.id,
      poolIds: byQuery.get(query.id)!,
      question: {
        ...{ query_id: query.id, image_id: query.imageId, question: query.question },
        gt_answers_raw: query.answers,
      },
    }))
    return { questions, tables, features }
  }
  return {
    name,
    shots: 2,
    ...(await questionsOf(train, trainRows)),
    settings: { embeddings: at(own), queryEmbeddings: at('train') },
    measure,
    test: { ...(await questionsOf(test, testRows)), measure },
    close: () => model.close(),
  }
}

/** Asks what is not in the file yet, 512 prompts at a time. */
function remember(path: string, ask: Task['measure']): Task['measure'] {
  const known = new Map<string, Outcome>()
  if (existsSync(path)) {
    for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
      const [key, accuracy] = JSON.parse(line) as [string, number]
      known.set(key, { accuracy })
    }
  }
  const keyOf = ([query, pointer]: Asked): string => `${query}:${pointer.join()}`
  return async (asked) => {
    const open = [...new Map(asked.map((one) => [keyOf(one), one])).entries()].filter(
      ([key]) => !known.has(key),
    )
    await mkdir(dirname(path), { recursive: true })
    for (let from = 0; from < open.length; from += 512) {
      const part = open.slice(from, from + 512)
      const outcomes = await ask(part.map(([, one]) => one))
      part.forEach(([key], i) => known.set(key, outcomes[i]!))
      const lines = part.map(([key], i) => `${JSON.stringify([key, outcomes[i]!.accuracy])}\n`)
      await appendFile(path, lines.join(''))
    }
    return asked.map((one) => known.get(keyOf(one))!)
  }
}

/** The task of `composition-sim`, drawn anew by its formula so that every pair has an outcome. */
async function openSimulated(folder: string): Promise<Task> {
  const { embeddings, train, test, reward } = simulate(0)
  const path = join(folder, 'simulated.safetensors')
  await writeEmbeddings(path, embeddings)
  const tables = { queries: embeddings, candidates: embeddings }
  const measured =
    (noise: boolean): Task['measure'] =>
    (asked) =>
      Promise.resolve(asked.map(([query, pointer]) => ({ accuracy: reward(query, pointer, noise) })))
  const questions = train.map((one) => ({
    ...one,
    question: { query_id: one.queryId, image_id: one.queryId, question: 'q' },
  }))
  return {
    ...{ name: 'simulated', shots: 2, correctAbove: 0.3, questions, tables, features: pairsOf(tables) },
    settings: { embeddings: path },
    measure: measured(true),
    test: { questions: test, tables, measure: measured(false) },
  }
}

/** Outcomes of a real model: one demonstration, the 16 singles of every training question that were measured. */
async function openReal(): Promise<Task | undefined> {
  const at = (file: string): string => join(DATA, 'okvqa-lm', file)
  if (!existsSync(at('embeddings.safetensors'))) return undefined
  const [train, test, table] = await Promise.all([
    readRlData(at('train-singles.json')),
    readRlData(at('dev-singles.json')),
    readEmbeddings(at('embeddings.safetensors')),
  ])
  const tables = { queries: table, candidates: table }
  const outcomes = new Map(
    [...train.queries, ...test.queries].flatMap(({ query_id, pointer_candidates: all }) =>
      all.map((one) => [
        `${query_id}:${one.pointer_global!.join()}`,
        { accuracy: one.vqa_acc_score!, expected: one.vqa_gt_prob! },
      ]),
    ),
  )
  const measure: Task['measure'] = (asked) =>
    Promise.resolve(asked.map(([query, pointer]) => outcomes.get(`${query}:${pointer.join()}`)!))
  const questions = train.queries.map(
    ({ query_id: queryId, candidate_pool_ids: pool, query, pointer_candidates: all }) => ({
      ...{ queryId, poolIds: pool!, question: { query_id: queryId, ...query } },
      allowed: all.map((one) => one.pointer_global!),
    }),
  )
  return {
    ...{ name: 'okvqa-lm', shots: 1, questions, tables, features: pairsOf(tables), measure },
    settings: { embeddings: at('embeddings.safetensors'), rewardMode: 'expected_accuracy' },
    test: {
      questions: test.queries.map(({ query_id: queryId, candidate_pool_ids: pool }) => ({
        ...{ queryId, poolIds: pool! },
      })),
      ...{ tables, measure },
    },
  }
}
