import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSelector, evaluateSelectors, lookUpEmbeddings, policySelector } from '@lever/icl-eval'
import type { EvaluationRow, Selector } from '@lever/icl-eval'
import { byIds, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { buildPools } from '@lever/rl-generate'
import type { PoolMethodName } from '@lever/rl-generate'
import type { EmbeddingKind, Embeddings } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import type { Example } from '@lever/vqa-dataset'
import { officialScore } from '@lever/vqa-eval'
import { answerWith, embedExamples, openEmbedder, openVqaModel } from '@lever/vqa-model'
import type { Embedder, VqaModel } from '@lever/vqa-model'
import { drawWorld, writeWorld } from '../fixtures/shapes-vqa/src/makers.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const SHOTS = 2
const SIZES = [16, 32, 64, 128, 256]
const METHODS: readonly PoolMethodName[] = [
  'random',
  'text-similar',
  'image-similar',
  'both-similar',
  'mixed',
]
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
  pools: { method: PoolMethodName; size: number | 'all'; selectors: Record<string, number> }[]
}

/**
 * What pools are worth: the policies of `lever demo` with the seeds 0 to 2 (trained on the bundled world, mixed pools of
 * 64), shown pools of other methods and sizes, on the bundled world and on two worlds that nobody has seen. Demo runs in
 * `LEVER_DEMOS` (a folder of `demo-0` to `demo-2`) are used again.
 */
export async function run({
  demos = process.env['LEVER_DEMOS'] ?? '',
  seeds = [0, 1, 2],
}: { demos?: string; seeds?: readonly number[] } = {}): Promise<PoolFigures[]> {
  const folder = demos === '' ? await mkdtemp(join(tmpdir(), 'lever-pools-')) : demos
  for (const seed of seeds) {
    const out = join(folder, `demo-${seed}`)
    if (existsSync(join(out, 'results.json'))) continue
    await promisify(execFile)('node', [LEVER, 'demo', '--quiet', '--seed', String(seed), '--out', out])
  }
  const model = await openVqaModel({ backend: 'onnx', model: `${FIXTURE}model`, workers: 2, threads: 1 })
  const embedder = await openEmbedder({ model: `${FIXTURE}model` })
  const figures: PoolFigures[] = []
  for (const world of ['bundled', 'fresh-1', 'fresh-2']) {
    const root = world === 'bundled' ? `${FIXTURE}world` : join(folder, world)
    if (world !== 'bundled') await writeWorld(root, drawWorld({ seed: world }), world)
    figures.push(await measureWorld(world, root, { model, embedder, folder, seeds }))
    process.stderr.write(`pools: ${JSON.stringify(figures.at(-1))}\n`)
  }
  await embedder.close()
  await model.close()
  return figures
}

interface Opened {
  model: VqaModel
  embedder: Embedder
  folder: string
  seeds: readonly number[]
}

async function measureWorld(
  world: string,
  root: string,
  { model, embedder, folder, seeds }: Opened,
): Promise<PoolFigures> {
  const [library, queries] = await Promise.all([readSplit(root, 'train'), readSplit(root, 'test')])
  const tables = await embedKinds(embedder, library, queries)
  const policies = await Promise.all(
    seeds.flatMap((seed) =>
      ['pointer-rce', 'pointer-listwise'].map(async (name) => {
        const path = join(folder, `demo-${seed}`, name, 'checkpoints/best.safetensors')
        const policy = await openPolicy((await readCheckpoint(path)).model)
        return { name: `${name}-${seed}`, policy }
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
  for (const [method, size] of [
    ...METHODS.flatMap((one) => SIZES.map((n) => [one, n] as const)),
    ['library', 'all'] as const,
  ]) {
    const { byQuery } = await buildPools({
      ...{ queries, candidates: library, method, features: tables },
      ...(size !== 'all' && { size }),
    })
    const selectors: Selector[] = [
      ...(['rices-both', 'mmr'] as const).map((name) => createSelector('pool', { of: createSelector(name) })),
      ...policies.map(({ name, policy }) => policySelector({ name, policy: byIds(policy, tables.both) })),
    ]
    const members = new Map(
      Array.from(byQuery, ([id, ids]) => [id, ids.map((member) => byId.get(member)!)] as const),
    )
    const measured = await evaluateSelectors({ ...shared, pools: members, selectors })
    pools.push({ method, size, selectors: means(measured.rows) })
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
