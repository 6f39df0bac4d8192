import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { measuredQueries } from '@lever/icl-eval'
import { readPolicySearch } from '@lever/pointer-model'
import { encodeRlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { agreementLabels } from '@lever/rl-generate'
import { readEmbeddings } from '@lever/tensor-files'
import type { EmbeddingMatrix, EmbeddingPair } from '@lever/tensor-files'
import type { Example } from '@lever/vqa-dataset'
import { mostFrequent, officialScore, scoreAnswer } from '@lever/vqa-eval'
import type { RetrieverRow } from '../retriever.ts'
import { lever } from './lever.ts'
import { recallAt } from './recall.ts'

const RECIPE = [
  ...['--preset', 'recommended', '--no-floor', '--set', 'listwise+rce.weight=0', '--listwise-epochs', '20'],
  ...['--listwise-lr', '1e-3', '--architecture', 'bi-encoder', '--hidden', '128'],
]

/**
 * okvqa-lm: what searches find among the 64 measured demonstrations of 96 questions by expected accuracy above the
 * mean of the question, and among all 256 of the bank by the right answer. Retrievers are trained on agreement over
 * the bank, and on the expected accuracy of 16 singles of each of 512 questions.
 */
export async function okvqaRecall(
  data: string,
  at: string,
  seeds: readonly number[],
): Promise<RetrieverRow[]> {
  await mkdir(at, { recursive: true })
  const embeddings = join(data, 'embeddings.safetensors')
  const [bank, train, dev] = ['bank', 'train', 'dev'].map((name) => examplesOf(join(data, `${name}.jsonl`)))
  const labels = join(at, 'agreement.json')
  if (!existsSync(labels)) {
    const ids = bank!.map(({ id }) => id)
    const pools = { method: 'library', size: ids.length, seed: 0 }
    const byQuery = new Map(train!.map(({ id }) => [id, ids]))
    const given = {
      queries: train!,
      candidates: bank!,
      pools: { ...pools, byQuery },
      score: officialScore(),
    }
    await writeFile(labels, encodeRlData(agreementLabels(given).data).bytes)
  }
  const searches = new Map<string, string>()
  for (const seed of seeds) {
    for (const [by, flags] of [
      ['rewards', ['--rl-data', join(data, 'train-singles.json'), '--reward-mode', 'expected_accuracy']],
      ['agreement', ['--rl-data', labels]],
    ] as const) {
      const out = join(at, `${by}-${seed}`)
      await lever(
        ...['train', ...flags, '--embeddings', embeddings, ...RECIPE],
        ...(by === 'rewards' ? ['--normalize-method', 'none', '--listwise-temp', '0.1'] : []),
        ...['--seed', String(seed), '--out', out],
      )
      searches.set(`${by}, seed ${seed}`, join(out, 'checkpoints/best.safetensors'))
    }
  }
  const all = await readEmbeddings(embeddings)
  const pair = {
    queries: {
      ...all,
      ...rowsOf(
        all,
        dev!.map(({ id }) => id),
      ),
    },
    candidates: {
      ...all,
      ...rowsOf(
        all,
        bank!.map(({ id }) => id),
      ),
    },
  }
  const right = dev!.map(({ answers }) =>
    bank!.map(({ answer }) => scoreAnswer(answer, answers).accuracy > 0),
  )
  const { queries } = measuredQueries(await readRlData(join(data, 'dev-singles.json')))
  const rows: RetrieverRow[] = []
  const add = async (by: string, vectors: EmbeddingPair): Promise<void> => {
    rows.push({
      world: 'OK-VQA, 256',
      good: 'answer',
      by,
      ...(await recallAt(vectors, right)),
    })
    rows.push({
      world: 'OK-VQA, the measured 64',
      good: 'reward',
      by,
      ...(await withinMeasured(vectors, queries)),
    })
  }
  await add('similarity', pair)
  for (const [by, path] of searches) await add(by, await readPolicySearch(path, pair))
  return rows
}

/** Recall among the measured demonstrations of each query, mean over the queries. */
async function withinMeasured(
  { queries, candidates }: EmbeddingPair,
  measured: ReturnType<typeof measuredQueries>['queries'],
): Promise<Omit<RetrieverRow, 'world' | 'good' | 'by'>> {
  const found = []
  for (const { query, outcomes } of measured) {
    const singles = outcomes.filter(({ ids }) => ids.length === 1)
    const mean = singles.reduce((sum, { expected }) => sum + expected!, 0) / singles.length
    const vectors = {
      queries: rowsOf(queries, [query.id]),
      candidates: rowsOf(
        candidates,
        singles.map(({ ids }) => ids[0]!),
      ),
    }
    found.push(await recallAt(vectors, [singles.map(({ expected }) => expected! > mean)]))
  }
  const able = found.filter(({ n }) => n > 0)
  const over = (of: (one: (typeof able)[number]) => number): number =>
    able.reduce((sum, one) => sum + of(one), 0) / able.length
  const recall = {
    16: over((one) => one.recall[16]!),
    64: over((one) => one.recall[64]!),
  }
  return { recall, n: able.length, good_each: over((one) => one.good_each) }
}

function rowsOf({ ids, data, dim }: EmbeddingMatrix, wanted: readonly number[]): EmbeddingMatrix {
  const rowOf = new Map(ids.map((id, row) => [id, row]))
  const out = new Float32Array(wanted.length * dim)
  wanted.forEach((id, i) => out.set(data.subarray(rowOf.get(id)! * dim, (rowOf.get(id)! + 1) * dim), i * dim))
  return { ids: wanted, data: out, dim }
}

function examplesOf(path: string): Example[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { id, image_id, question, answers } = JSON.parse(line) as {
        id: number
        image_id: number
        question: string
        answers: string[]
      }
      return {
        id,
        questionId: id,
        imageId: image_id,
        question,
        answers,
        answer: mostFrequent(answers),
      }
    })
}
