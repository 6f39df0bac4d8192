import { openRunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import { embeddingsOf, metaOf, type EmbeddingFacts, type MetaOptions } from '../generate/meta.ts'
import type { Pools } from '../pools/types.ts'
import { writeBeams } from './file.ts'
import { growBeams } from './grow.ts'
import type { AnchorBeams, BeamEvent, BeamOptions, BeamStatistics } from './types.ts'
import { BEAM_OPTIONS } from './types.ts'

/** Names of the files in the run directory of beams. */
export const BEAM_FILES = { journal: 'beams.jsonl', data: 'beams.json' } as const

/** Beams in a run directory. */
export interface GenerateBeamsOptions
  extends Omit<BeamOptions, 'journal' | 'meta' | 'pools'>, Omit<MetaOptions, 'generator' | 'strict'> {
  /** The pool of every query, and how they were made, for `_meta`. */
  readonly pools: Pools
  /** How `infoScore` compares two prompts, for `_meta`. */
  readonly infoScoreKind: string
  /** The embeddings that made the pools. */
  readonly embeddings?: EmbeddingFacts | undefined
  /** Run directory: made, or continued. */
  readonly out: string
  /** Name -> hash of everything that was read, for the manifest. */
  readonly inputs: Readonly<Record<string, string>>
  /** Called as the beams grow, the last time with `done`. */
  readonly onEvent?: (event: BeamEvent) => void
}

export const GENERATE_BEAMS_OPTIONS: OptionNames<GenerateBeamsOptions> = {
  pools: true,
  infoScoreKind: true,
  embeddings: true,
  out: true,
  inputs: true,
  onEvent: true,
  concurrency: true,
  strict: true,
  signal: true,
  queries: true,
  order: true,
  candidates: true,
  scoreGroundTruth: true,
  infoScore: true,
  width: true,
  shard: true,
  syncEvery: true,
  now: true,
  shots: true,
  model: true,
  dataset: true,
  seed: true,
  version: true,
}

/** What growing beams left in its run directory. */
export interface GeneratedBeams {
  readonly out: string
  readonly beams: string
  readonly journal: string
  readonly statistics: BeamStatistics
  /** Mean InfoScore of the best beam of every anchor, and the share of anchors where it is above 0. */
  readonly best: { readonly mean: number; readonly positive: number }
}

/**
 * InfoScore beams in a run directory: manifest, journal, and when all are grown the beam file.
 * Called again with the same options it continues.
 *
 * @throws as `growBeams`; InputError for a run directory of another run
 */
export async function generateBeams(options: GenerateBeamsOptions): Promise<GeneratedBeams> {
  refuseUnknownOptions(options, GENERATE_BEAMS_OPTIONS, 'rl-generate: generateBeams')
  const { out, inputs, pools, embeddings, infoScoreKind, onEvent, seed, version, queries } = options
  const { width = 5, order = 'after', shard, strict = true } = options
  const generator = { beams: { width, order, info_score: infoScoreKind } }
  const meta = {
    ...metaOf({
      model: options.model,
      dataset: options.dataset,
      pools,
      shots: options.shots,
      seed,
      version,
      generator,
    }),
    ...embeddingsOf(embeddings),
  }
  const run = await openRunDirectory({
    path: out,
    command: 'beams',
    config: {
      meta,
      queries: queries.length,
      strict,
      shard: shard && `${shard.index}/${shard.count}`,
    },
    inputs,
    seed,
    versions: { lever: version },
  })
  try {
    const [journal, beams] = [run.file(BEAM_FILES.journal), run.file(BEAM_FILES.data)]
    for await (const event of growBeams({
      ...pickOptions<Omit<BeamOptions, 'journal' | 'meta' | 'pools'>>(options, BEAM_OPTIONS),
      pools: pools.byQuery,
      meta,
      journal,
    })) {
      onEvent?.(event)
      if (event.type !== 'done') continue
      await writeBeams(beams, event.beams, meta)
      const best = summaryOf(event.beams)
      await run.update({ anchors: event.statistics.anchors, best })
      return { out: run.path, beams, journal, statistics: event.statistics, best }
    }
    throw new Error('rl-generate: the growing of beams ended without a result')
  } finally {
    await run.close()
  }
}

function summaryOf(anchors: readonly AnchorBeams[]): GeneratedBeams['best'] {
  const scores = anchors.map(({ beams }) => beams[0]!.score)
  return { mean: mean(scores), positive: mean(scores.map((score) => (score > 0 ? 1 : 0))) }
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((a, b) => a + b, 0) / numbers.length
}
