import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPolicySearch } from '@lever/pointer-model'
import { readEmbeddings } from '@lever/tensor-files'
import type { EmbeddingPair } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore, scoreAnswer } from '@lever/vqa-eval'
import { answerWith, openVqaModel } from '@lever/vqa-model'
import { drawComposition, drawWorld, writeWorld } from '../fixtures/shapes-vqa/src/makers.ts'
import { lever } from './support/lever.ts'
import { recallAt, type Recall } from './support/recall.ts'
import { retrieverTable } from './support/retriever-table.ts'
import { okvqaRecall } from './support/okvqa-recall.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
/** Test questions for which every single demonstration of the library is measured. */
const MEASURED_QUERIES = 20
/** Single demonstrations that are measured for each training question. */
const SINGLES = 16
const BI_ENCODER = ['--architecture', 'bi-encoder', '--hidden', '128']

interface World {
  readonly name: string
  readonly composition: boolean
}

const WORLDS: readonly World[] = [
  { name: 'bundled', composition: false },
  { name: 'fresh-1', composition: false },
  { name: 'composition', composition: true },
]

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
 * `LEVER_RETRIEVER_SEEDS` name fewer worlds and seeds; the table goes into docs/results.md.
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
    if (only === '' || only.split(',').includes(world.name))
      rows.push(...(await worldRecall({ ...world, seeds }, join(at, world.name))))
  }
  if (okvqa !== '') rows.push(...(await okvqaRecall(okvqa, join(at, 'okvqa'), seeds)))
  await retrieverTable(rows)
  return rows
}

async function worldRecall(
  { name, seeds, composition }: World & { readonly seeds: readonly number[] },
  at: string,
): Promise<RetrieverRow[]> {
  const root = name === 'fresh-1' ? join(at, 'world') : join(FIXTURE, 'world')
  if (name === 'fresh-1' && !existsSync(root)) {
    await writeWorld(root, composition ? drawComposition({ seed: name }) : drawWorld({ seed: name }), name)
  }
  const model = join(FIXTURE, composition ? 'composition-model' : 'model')
  const part = (split: string): string => join(root, composition ? `composition-${split}` : split)
  const splits = {
    library: composition ? 'library' : 'train',
    train: 'train',
    test: 'test',
  }
  const file = (split: string): string => join(at, `${split}.safetensors`)
  for (const split of new Set(Object.values(splits))) {
    if (!existsSync(file(split)))
      await lever('embed', '--dataset', part(split), '--model', model, '--out', file(split))
  }
  const own = splits.library === splits.train
  const data = own
    ? ['--dataset', part('train'), '--embeddings', file('train')]
    : [
        ...['--dataset', part('train'), '--embeddings', file('train')],
        ...['--pool-dataset', part('library'), '--pool-embeddings', file('library')],
      ]
  const measured = join(at, 'measured')
  await lever(
    ...['generate', ...data, '--model', model, '--shots', '1', '--num-beams', '0', '--out', measured],
    ...['--num-samples-per-temp', '0', '--num-retrieval', '0', '--num-random', String(SINGLES)],
  )
  const searches = new Map<string, string>()
  for (const seed of seeds) {
    const out = (kind: string): string => join(at, `${kind}-${seed}`)
    const rest = ['--seed', String(seed), '--out']
    const features = own
      ? ['--embeddings', file('train')]
      : ['--embeddings', file('library'), '--query-embeddings', file('train')]
    if (!composition) {
      const longer = ['--lr', '1e-3', '--epochs', '60']
      await lever(
        'sft',
        '--target',
        'agreement',
        ...data,
        ...BI_ENCODER,
        ...longer,
        ...rest,
        out('agreement'),
      )
      searches.set(`agreement, seed ${seed}`, join(out('agreement'), 'checkpoints/best.safetensors'))
    }
    const rewards = ['--rl-data', join(measured, 'rl-data.json'), ...features]
    const recipe = [
      '--preset',
      'recommended',
      '--no-floor',
      '--set',
      'listwise+rce.weight=0',
      '--listwise-epochs',
      '60',
    ]
    await lever(
      'train',
      ...rewards,
      ...BI_ENCODER,
      ...recipe,
      '--listwise-lr',
      '1e-3',
      ...rest,
      out('rewards'),
    )
    searches.set(`rewards, seed ${seed}`, join(out('rewards'), 'checkpoints/best.safetensors'))
  }
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
  for (const [by, path] of searches) await add(by, await readPolicySearch(path, pair))
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
