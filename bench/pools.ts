import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSelector, evaluateSelectors, lookUpEmbeddings, policySelector } from '@lever/icl-eval'
import type { EvaluationRow, Selector } from '@lever/icl-eval'
import { byIds, openPolicy, readCheckpoint, readPolicySearch } from '@lever/pointer-model'
import { buildPools } from '@lever/rl-generate'
import type { BuildPoolsOptions, PoolMethodName } from '@lever/rl-generate'
import type { EmbeddingKind, Embeddings } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore } from '@lever/vqa-eval'
import { answerWith, embedExamples, openEmbedder, openVqaModel } from '@lever/vqa-model'
import type { Embedder, VqaModel } from '@lever/vqa-model'
import { drawWorld, writeWorld } from '../fixtures/shapes-vqa/src/makers.ts'
import { poolTable } from './support/pool-table.ts'
import { searchedWorld, trainRetrievers, type Retriever } from './support/retrievers.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const SHOTS = 2
const SIZES = [16, 32, 64, 128, 256]
const METHODS = ['random', 'text-similar', 'image-similar', 'both-similar', 'mixed', 'learned', 'library']
const LIBRARY_BASELINES = [
  'random',
  'bm25',
  'rices-image',
  'rices-text',
  'rices-both',
  'mmices',
  'mmr',
] as const

/** Accuracy in per cent at two shots on one world. */
export interface PoolFigures {
  world: string
  /** Of baselines over the whole library. */
  library: Record<string, number>
  /** Accuracy of the policies of the demo (one per seed) and of `pool:` baselines, by pool. */
  pools: { method: string; size: number | 'all'; selectors: Record<string, number> }[]
}

/**
 * What pools are worth: the policies of `lever demo` with the seeds 0 to 2 (trained on the bundled world, mixed pools of
 * 64), shown pools of other methods and sizes, on the bundled world and on two worlds that nobody has seen. `learned`
 * pools are searched by the retrievers of bench/retriever, which the bundled world taught too, by agreement or by
 * rewards; a policy sees those of the retriever with its seed. Demo runs in `LEVER_DEMOS` (a folder of `demo-0` to
 * `demo-2`) and retrievers in `LEVER_RETRIEVER` are used again; `LEVER_POOLS` names fewer methods, and
 * `LEVER_POOL_SIZES` and `LEVER_POOL_SEEDS` fewer sizes and seeds. The rows `learned` and `mixed` go into docs/results.md.
 */
export async function run({
  demos = process.env['LEVER_DEMOS'] ?? '',
  seeds = (process.env['LEVER_POOL_SEEDS'] ?? '0,1,2').split(',').map(Number),
  sizes = (process.env['LEVER_POOL_SIZES'] ?? SIZES.join()).split(',').map(Number),
  methods = (process.env['LEVER_POOLS'] ?? METHODS.join()).split(','),
}: {
  demos?: string
  seeds?: readonly number[]
  sizes?: readonly number[]
  methods?: readonly string[]
} = {}): Promise<PoolFigures[]> {
  const folder = demos === '' ? await mkdtemp(join(tmpdir(), 'lever-pools-')) : demos
  for (const seed of seeds) {
    const out = join(folder, `demo-${seed}`)
    if (existsSync(join(out, 'results.json'))) continue
    await promisify(execFile)('node', [LEVER, 'demo', '--quiet', '--seed', String(seed), '--out', out])
  }
  const model = await openVqaModel({ backend: 'onnx', model: `${FIXTURE}model`, workers: 2, threads: 1 })
  const embedder = await openEmbedder({ model: `${FIXTURE}model` })
  const retrieved = process.env['LEVER_RETRIEVER'] ?? folder
  const retrievers = methods.includes('learned')
    ? await trainRetrievers(await searchedWorld('bundled', join(retrieved, 'bundled')), seeds)
    : []
  const figures: PoolFigures[] = []
  for (const world of ['bundled', 'fresh-1', 'fresh-2']) {
    const root = world === 'bundled' ? `${FIXTURE}world` : join(folder, world)
    if (world !== 'bundled') await writeWorld(root, drawWorld({ seed: world }), world)
    const opened = { model, embedder, folder, seeds, sizes, methods, retrievers }
    figures.push(await measureWorld(world, root, opened))
    process.stderr.write(`pools: ${JSON.stringify(figures.at(-1))}\n`)
  }
  await embedder.close()
  await model.close()
  if (retrievers.length > 0) await poolTable(figures)
  return figures
}

interface Opened {
  model: VqaModel
  embedder: Embedder
  folder: string
  seeds: readonly number[]
  sizes: readonly number[]
  methods: readonly string[]
  retrievers: readonly Retriever[]
}

async function measureWorld(
  world: string,
  root: string,
  { model, embedder, folder, seeds, sizes, methods, retrievers }: Opened,
): Promise<PoolFigures> {
  const [library, queries] = await Promise.all([readSplit(root, 'train'), readSplit(root, 'test')])
  const tables = await embedKinds(embedder, library, queries)
  const policies = await Promise.all(
    seeds.flatMap((seed) =>
      ['pointer-rce', 'pointer-listwise'].map(async (name) => {
        const path = join(folder, `demo-${seed}`, name, 'checkpoints/best.safetensors')
        const policy = await openPolicy((await readCheckpoint(path)).model)
        return { name: `${name}-${seed}`, seed, policy }
      }),
    ),
  )
  const shared = {
    queries,
    library,
    shots: [SHOTS],
    answer: answerWith(model),
    score: officialScore(),
    embeddings: lookUpEmbeddings(tables),
    batchSize: 2048,
  }
  const everywhere = new Map(queries.map(({ id }) => [id, library]))
  const baselines = LIBRARY_BASELINES.map((name) => createSelector(name))
  const { rows } = await evaluateSelectors({ ...shared, pools: everywhere, selectors: baselines })
  const byId = new Map(library.map((example) => [example.id, example]))
  const pools: PoolFigures['pools'] = []
  const drawn = async (
    row: { method: string; size: number | 'all' },
    options: Pick<BuildPoolsOptions, 'method' | 'features'>,
    seen = policies,
  ): Promise<void> => {
    const size = row.size === 'all' ? {} : { size: row.size }
    const { byQuery } = await buildPools({ queries, candidates: library, ...options, ...size })
    const selectors: Selector[] = [
      ...(['rices-both', 'mmr'] as const).map((name) => createSelector('pool', { of: createSelector(name) })),
      ...seen.map(({ name, policy }) => policySelector({ name, policy: byIds(policy, tables.both) })),
    ]
    const members = new Map(
      Array.from(byQuery, ([id, ids]) => [id, ids.map((member) => byId.get(member)!)] as const),
    )
    const measured = await evaluateSelectors({ ...shared, pools: members, selectors })
    pools.push({ ...row, selectors: means(measured.rows) })
  }
  for (const method of methods) {
    if (method === 'library') await drawn({ method, size: 'all' }, { method, features: tables })
    else if (method !== 'learned') {
      for (const size of sizes)
        await drawn({ method, size }, { method: method as PoolMethodName, features: tables })
    } else {
      for (const { by, seed, checkpoint } of retrievers) {
        const features = { ...tables, learned: await readPolicySearch(checkpoint, tables.both) }
        const own = policies.filter((policy) => policy.seed === seed)
        for (const size of sizes)
          await drawn({ method: `learned, ${by}`, size }, { method: 'learned', features }, own)
      }
    }
  }
  for (const { policy } of policies) await policy.close()
  return { world, library: means(rows), pools }
}

async function readSplit(root: string, split: 'train' | 'test'): Promise<readonly Example[]> {
  const { examples } = await readDataset({
    questions: `${root}/${split}/questions.json`,
    annotations: `${root}/${split}/annotations.json`,
    images: `${root}/images`,
  })
  return examples
}

type Tables = Record<EmbeddingKind, { queries: Embeddings; candidates: Embeddings }>

async function embedKinds(
  embedder: Embedder,
  library: readonly Example[],
  queries: readonly Example[],
): Promise<Tables> {
  const embed = async (kind: EmbeddingKind): Promise<Tables[EmbeddingKind]> => {
    const candidates = await embedExamples(embedder, library, { kind })
    return { candidates, queries: await embedExamples(embedder, queries, { kind }) }
  }
  return { image: await embed('image'), text: await embed('text'), both: await embed('both') }
}

/** Mean accuracy in per cent by selector, one decimal. */
function means(rows: readonly EvaluationRow[]): Record<string, number> {
  const names = [...new Set(rows.map(({ selector }) => selector))]
  return Object.fromEntries(
    names.map((name) => {
      const own = rows.filter(({ selector }) => selector === name)
      const sum = own.reduce((total, { accuracy }) => total + (accuracy ?? 0), 0)
      return [name, Math.round((1000 * sum) / own.length) / 10]
    }),
  )
}
