import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawComposition, drawWorld, writeWorld } from '../../fixtures/shapes-vqa/src/makers.ts'
import { lever } from './lever.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/shapes-vqa/', import.meta.url))
/** Single demonstrations that are measured for each training question. */
const SINGLES = 16
const BI_ENCODER = ['--architecture', 'bi-encoder', '--hidden', '128']
const AGREEMENT = ['--target', 'agreement', '--lr', '1e-3', '--epochs', '60']
const REWARDS = [
  ...['--preset', 'recommended', '--no-floor', '--set', 'listwise+rce.weight=0'],
  ...['--listwise-epochs', '60', '--listwise-lr', '1e-3'],
]

/** Where a world lies that its model answers, and the embeddings of its splits. */
export interface SearchedWorld {
  readonly name: string
  readonly composition: boolean
  readonly model: string
  /** Splits by use: what is searched, what is trained on, what is asked. */
  readonly splits: { readonly library: string; readonly train: string; readonly test: string }
  /** Folder of the dataset of a split. */
  readonly part: (split: string) => string
  /** Path of the embeddings of a split. */
  readonly embeddings: (split: string) => string
  /** Folder of everything that is made. */
  readonly at: string
}

/** Opens `bundled`, `composition` or a world that nobody has seen (`fresh-N`); writes and embeds what is missing. */
export async function searchedWorld(name: string, at: string): Promise<SearchedWorld> {
  const composition = name.startsWith('composition')
  const fresh = name.includes('fresh')
  const root = fresh ? join(at, 'world') : join(FIXTURE, 'world')
  if (!existsSync(root))
    await writeWorld(root, (composition ? drawComposition : drawWorld)({ seed: name }), name)
  const world: SearchedWorld = {
    ...{ name, composition, at },
    model: join(FIXTURE, composition ? 'composition-model' : 'model'),
    splits: { library: composition ? 'library' : 'train', train: 'train', test: 'test' },
    part: (split) => join(root, composition ? `composition-${split}` : split),
    embeddings: (split) => join(at, `${split}.safetensors`),
  }
  for (const split of new Set(Object.values(world.splits))) {
    const out = world.embeddings(split)
    if (existsSync(out)) continue
    await lever('embed', '--dataset', world.part(split), '--model', world.model, '--out', out)
  }
  return world
}

/** A retriever that was trained on a world. */
export interface Retriever {
  readonly by: 'agreement' | 'rewards'
  readonly seed: number
  readonly checkpoint: string
}

/**
 * Trains a `bi-encoder` per seed and label: on agreement, which asks no model (not in a composition world, where it has
 * nothing to teach), and on the measured rewards of 16 random single demonstrations of every training question.
 */
export async function trainRetrievers(world: SearchedWorld, seeds: readonly number[]): Promise<Retriever[]> {
  const { at, model, part, splits, embeddings } = world
  const own = splits.library === splits.train
  const data = [
    ...['--dataset', part('train'), '--embeddings', embeddings('train')],
    ...(own ? [] : ['--pool-dataset', part('library'), '--pool-embeddings', embeddings('library')]),
  ]
  const features = own
    ? ['--embeddings', embeddings('train')]
    : ['--embeddings', embeddings('library'), '--query-embeddings', embeddings('train')]
  const measured = join(at, 'measured')
  await lever(
    ...['generate', ...data, '--model', model, '--shots', '1', '--num-beams', '0', '--out', measured],
    ...['--num-samples-per-temp', '0', '--num-retrieval', '0', '--num-random', String(SINGLES)],
  )
  const rewards = ['--rl-data', join(measured, 'rl-data.json'), ...features, ...REWARDS]
  const trained: Retriever[] = []
  for (const seed of seeds) {
    const kinds = [
      ...(world.composition ? [] : [['agreement', ['sft', ...AGREEMENT, ...data]] as const]),
      ['rewards', ['train', ...rewards]] as const,
    ]
    for (const [by, command] of kinds) {
      const out = join(at, `${by}-${seed}`)
      const checkpoint = join(out, 'checkpoints/best.safetensors')
      await lever(...command, ...BI_ENCODER, '--seed', String(seed), '--out', out)
      trained.push({ by, seed, checkpoint })
    }
  }
  return trained
}
