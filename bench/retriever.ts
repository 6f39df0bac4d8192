import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readPolicySearch } from '@lever/pointer-model'
import { readEmbeddings } from '@lever/tensor-files'
import type { EmbeddingPair } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore, scoreAnswer } from '@lever/vqa-eval'
import { answerWith, openVqaModel } from '@lever/vqa-model'
import { recallAt, type Recall } from './support/recall.ts'
import { retrieverTable } from './support/retriever-table.ts'
import { searchedWorld, trainRetrievers } from './support/retrievers.ts'
import { okvqaRecall } from './support/okvqa-recall.ts'

/** Test questions for which every single demonstration of the library is measured. */
const MEASURED_QUERIES = 20

const WORLDS = ['bundled', 'fresh-1', 'fresh-2', 'composition']

/** What one retriever finds on one world, by one meaning of good. */
export interface RetrieverRow extends Recall {
  readonly world: string
  /** `answer`: its own answer is right, or holds a word of a right one in the composition world. `reward`: measured. */
  readonly good: 'answer' | 'reward'
  readonly by: string
}

/**
 * What searches find of the good demonstrations of a library: raw similarity, and `bi-encoder` policies that were
 * trained on agreement (no prompt) or on measured rewards (16 single demonstrations of each of 600 questions). Good is a
 * demonstration whose own answer is right (in the composition world: holds a word of the right answer), or one whose
 * measured reward lies above the mean of the question (20 test questions, every demonstration measured). Last, real text:
 * okvqa-lm in `LEVER_OKVQA_LM`. Files in `LEVER_RETRIEVER` (a folder) are used again; `LEVER_RETRIEVER_WORLDS` and
 * `LEVER_RETRIEVER_SEEDS` name fewer worlds and seeds, whose rows stand beside those of earlier runs in the folder; the
 * table goes into docs/results.md.
 */
export async function run({
  folder = process.env['LEVER_RETRIEVER'] ?? '',
  okvqa = process.env['LEVER_OKVQA_LM'] ?? '',
  only = process.env['LEVER_RETRIEVER_WORLDS'] ?? '',
  seeds = (process.env['LEVER_RETRIEVER_SEEDS'] ?? '0,1,2').split(',').map(Number),
}: {
  folder?: string
  okvqa?: string
  only?: string
  seeds?: readonly number[]
} = {}): Promise<RetrieverRow[]> {
  const at = folder === '' ? await mkdtemp(join(tmpdir(), 'lever-retriever-')) : folder
  const rows: RetrieverRow[] = []
  for (const world of WORLDS) {
    if (only === '' || only.split(',').includes(world))
      rows.push(...(await worldRecall(world, seeds, join(at, world))))
  }
  if (okvqa !== '') rows.push(...(await okvqaRecall(okvqa, join(at, 'okvqa'), seeds)))
  const all = await withEarlier(rows, join(at, 'rows.json'))
  await retrieverTable(all)
  return all
}

/** The rows with those that earlier runs left in the file; the file then has all of them. */
async function withEarlier(rows: readonly RetrieverRow[], path: string): Promise<RetrieverRow[]> {
  const earlier = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RetrieverRow[]) : []
  const keyOf = ({ world, good, by }: RetrieverRow): string => [world, good, by].join('|')
  const all = new Map([...earlier, ...rows].map((row) => [keyOf(row), row]))
  const sorted = Array.from(all.values()).sort(
    (a, b) => a.world.localeCompare(b.world) || a.good.localeCompare(b.good) || a.by.localeCompare(b.by),
  )
  await writeFile(path, JSON.stringify(sorted))
  return sorted
}

async function worldRecall(name: string, seeds: readonly number[], at: string): Promise<RetrieverRow[]> {
  const world = await searchedWorld(name, at)
  const { composition, model, part, splits, embeddings: file } = world
  const searches = await trainRetrievers(world, seeds)
  const [library, test] = [await examplesOf(part(splits.library)), await examplesOf(part('test'))]
  const pair = {
    queries: await readEmbeddings(file('test'), idsOf(test)),
    candidates: await readEmbeddings(file(splits.library), idsOf(library)),
  }
  const right = test.map(({ answer, answers }) =>
    library.map((one) =>
      composition ? sharesWord(one.answer, answer) : scoreAnswer(one.answer, answers).accuracy > 0,
    ),
  )
  const asked = test.slice(0, MEASURED_QUERIES)
  const worth = aboveMean(await measureAll(join(at, 'truth.json'), model, asked, library))
  const rows: RetrieverRow[] = []
  const add = async (by: string, vectors: EmbeddingPair): Promise<void> => {
    rows.push({
      world: name,
      good: 'answer',
      by,
      ...(await recallAt(vectors, right)),
    })
    rows.push({
      world: name,
      good: 'reward',
      by,
      ...(await recallAt(vectors, worth)),
    })
  }
  await add('similarity', pair)
  for (const { by, seed, checkpoint } of searches)
    await add(`${by}, seed ${seed}`, await readPolicySearch(checkpoint, pair))
  return rows
}

/** The accuracy of every single demonstration for every question, [queries][library]; kept in a file. */
async function measureAll(
  path: string,
  modelFolder: string,
  queries: readonly Example[],
  library: readonly Example[],
): Promise<number[][]> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as number[][]
  const model = await openVqaModel({
    backend: 'onnx',
    model: modelFolder,
    workers: 2,
    threads: 1,
  })
  const answer = answerWith(model)
  const score = officialScore()
  const rows: number[][] = []
  for (const query of queries) {
    const answers = await answer(
      library.map((one) => ({ query, demonstrations: [one] })),
      {},
    )
    rows.push(answers.map(({ text }) => score(text, query).accuracy))
  }
  await model.close()
  await writeFile(path, JSON.stringify(rows))
  return rows
}

function aboveMean(rewards: readonly (readonly number[])[]): boolean[][] {
  return rewards.map((row) => {
    const mean = row.reduce((sum, one) => sum + one, 0) / row.length
    return row.map((one) => one > mean)
  })
}

function sharesWord(a: string, b: string): boolean {
  const words = new Set(b.split(' '))
  return a.split(' ').some((word) => words.has(word))
}

async function examplesOf(folder: string): Promise<readonly Example[]> {
  const [questions, annotations] = [join(folder, 'questions.json'), join(folder, 'annotations.json')]
  const { examples } = await readDataset({
    questions,
    annotations,
    images: join(folder, '../images'),
  })
  return examples
}

const idsOf = (examples: readonly Example[]): number[] => examples.map(({ id }) => id)
