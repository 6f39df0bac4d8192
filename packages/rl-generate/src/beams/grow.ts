import { InputError, openJournal, type Journal } from '@lever/durable-files'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { explainHeader } from '../measure/explain-header.ts'
import { measureHeader, type MeasureHeader } from '../measure/header.ts'
import { QUERY_PREFIX, questionOf, type QueryLine } from '../measure/ledger-lines.ts'
import { imageOrder } from '../measure/order.ts'
import { shardQueries } from '../shard.ts'
import type { Example } from '../types.ts'
import { growAnchor } from './anchor.ts'
import { checkBeamInputs } from './inputs.ts'
import { createScorer, type ScoreLine } from './scorer.ts'
import type { AnchorBeams, BeamEvent, BeamOptions } from './types.ts'
import { BEAM_OPTIONS } from './types.ts'

/**
 * InfoScore beams: for every anchor, sequences of demonstrations grown one by one, the `width` best
 * kept at every length, best meaning that the VQA model finds the ground truth more probable than
 * without them. Lever-LM (Yang et al., 2024) made the labels of its supervised selector so.
 *
 * Every score goes to the journal, under the same key as a measured pointer of `measureRewards`;
 * what it holds is not asked again, and an interrupted run continues to the same beams. The
 * generator ends with a `done` event. Leaving it early (or `signal`) closes the journal.
 *
 * @throws InputError before any work for inputs that cannot be scored, another header or pool in
 * the journal, another live writer; in strict mode for a prompt that cannot be scored; the reason
 * of `signal`; and what `scoreGroundTruth` throws
 */
export async function* growBeams(options: BeamOptions): AsyncGenerator<BeamEvent, void, undefined> {
  refuseUnknownOptions(options, BEAM_OPTIONS, 'rl-generate: growBeams')
  checkBeamInputs(options)
  options.signal?.throwIfAborted()
  const { queries, shard, journal: path, syncEvery = 256 } = options
  const work = shard === undefined ? imageOrder(queries) : shardQueries(queries, shard)
  const journal = await openJournal<ScoreLine | QueryLine>({
    path,
    header: beamHeader(options),
    explain: explainHeader,
    syncEvery,
    keepValues: false,
  })
  try {
    yield* growInto(journal, work, options)
  } finally {
    await journal.close()
  }
}

/** The header of the journal of beams: that of a measuring, with what the beams depend on. */
function beamHeader({ meta, ...rest }: BeamOptions): MeasureHeader {
  return measureHeader({ ...rest, meta: { ...meta, schema: 'lever-beams', schema_version: '1.0' } })
}

async function* growInto(
  journal: Journal<ScoreLine | QueryLine>,
  work: readonly Example[],
  options: BeamOptions,
): AsyncGenerator<BeamEvent, void, undefined> {
  const { meta, infoScore, width = 5, order = 'after', concurrency = 2, signal } = options
  const { now = () => performance.now() } = options
  const stop = new AbortController()
  const ended = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
  const started = now()
  const resumed = journal.size - declared(journal, work)
  yield { type: 'start', anchors: work.length, resumed, tornBytes: journal.resumed.tornBytes }

  const example = exampleFinder(options)
  const scorer = createScorer(options, journal, example, ended)
  const settings = { infoScore, width, order, shots: meta.shot_num, signal: ended }
  const pools = poolsFor(options, example)
  const found = new Map<number, AnchorBeams>()
  let [sameImage, unscored] = [0, 0]
  const anchorsDone = (): number => found.size + unscored
  const grow = async (query: Example): Promise<void> => {
    const { poolIds, left } = pools(query)
    await declare(journal, query, poolIds)
    const grown = await growAnchor(query, poolIds, scorer, settings)
    if (grown === undefined) unscored += 1
    else found.set(query.id, grown)
    sameImage += left
  }

  const flights = new Set<Promise<void>>()
  const failures: unknown[] = []
  let next = 0
  try {
    while (failures.length === 0 && !ended.aborted) {
      while (flights.size < concurrency && next < work.length) {
        const flight = grow(work[next++]!)
          .catch((error: unknown) => void failures.push(error))
          .finally(() => flights.delete(flight))
        flights.add(flight)
      }
      if (flights.size === 0) break
      await Promise.race(flights)
      const { prompts } = scorer.counts
      yield { type: 'progress', anchors: work.length, anchorsDone: anchorsDone(), prompts }
    }
  } finally {
    if (failures.length > 0 || anchorsDone() < work.length) stop.abort()
    await Promise.all(flights)
  }
  signal?.throwIfAborted()
  if (failures.length > 0) throw failures[0]
  if (found.size === 0 && unscored > 0) {
    throw new InputError(
      `rl-generate: none of the ${unscored} anchors could be scored; check their images and the model`,
    )
  }
  const statistics = {
    anchors: work.length,
    scores: journal.size - declared(journal, work),
    resumed,
    ...scorer.counts,
    unscored,
    sameImage,
    tornBytes: journal.resumed.tornBytes,
    seconds: (now() - started) / 1000,
  }
  const beams = [...found.values()].sort((a, b) => a.query.id - b.query.id)
  yield { type: 'done', beams, statistics }
}

/** Lines of the journal that declare one of these queries. */
function declared(journal: Journal<unknown>, work: readonly Example[]): number {
  return work.filter(({ id }) => journal.has(`${QUERY_PREFIX}${id}`)).length
}

async function declare(
  journal: Journal<ScoreLine | QueryLine>,
  query: Example,
  poolIds: readonly number[],
): Promise<void> {
  const key = `${QUERY_PREFIX}${query.id}`
  const line = { query: questionOf(query, undefined), candidate_pool_ids: poolIds, planned: 0 }
  if ((await journal.append(key, line)) !== 'conflict') return
  throw new InputError(
    `rl-generate: query ${query.id} has another pool or text in ${journal.path}; use the pools of that run (--pool-file), or another --out`,
  )
}

function exampleFinder({ candidates }: BeamOptions): (id: number, queryId: number) => Example {
  const byId = new Map(candidates.map((example) => [example.id, example]))
  return (id, queryId) => {
    const example = byId.get(id)
    if (example !== undefined) return example
    throw new InputError(
      `rl-generate: the pool of query ${queryId} holds ${id}, which is not a candidate; give the candidates that the pools were made for`,
    )
  }
}

/** The pool of a query without examples that show its image, and how many those are. */
function poolsFor(
  { pools, meta }: BeamOptions,
  example: (id: number, queryId: number) => Example,
): (query: Example) => { poolIds: number[]; left: number } {
  return ({ id, imageId }) => {
    const pool = pools.get(id) ?? []
    const poolIds = pool.filter((one) => {
      if (one === id) return false
      return imageId === null || String(example(one, id).imageId) !== String(imageId)
    })
    if (poolIds.length >= meta.shot_num) return { poolIds, left: pool.length - poolIds.length }
    throw new InputError(
      `rl-generate: the pool of query ${id} has ${poolIds.length} candidates of other images, fewer than K=${meta.shot_num}; use larger pools`,
    )
  }
}
