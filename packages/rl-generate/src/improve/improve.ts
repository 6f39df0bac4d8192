import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { InputError, openRunDirectory, runStage, writeFileAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { RL_DATA_FILES } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { pickOptions } from '@lever/durable-files/known-options'
import { checkGeneration } from '../generate/checks.ts'
import { measurePlanned } from '../generate/generate.ts'
import { embeddingsOf, META_OPTIONS, metaOf, type MetaOptions } from '../generate/meta.ts'
import type { GenerationPolicy } from '../generate/types.ts'
import type { Answer } from '../measure/types.ts'
import type { ProposalRequest } from '../proposals/methods.ts'
import { writeRlData } from '../write.ts'
import { planRound } from './plan-round.ts'
import { meansOf, pointersOf } from './rewards.ts'
import type { Improved, ImproveOptions, RoundRecord } from './types.ts'

const CHECKPOINT = 'checkpoints/best.safetensors'

/**
 * Rounds of measuring and training (dataset aggregation, as Ross et al. 2011 do for imitation): round 1 measures a random
 * part of the mix for every query, and the policy trained on all that was measured so far proposes in the next one what it
 * would choose. All rounds append to one journal. Called again with the same options it continues, after a kill too; with
 * more rounds it adds them.
 *
 * @throws InputError for settings that measure nothing, and for a run directory of another run; what `train` and the
 * measuring throw
 */
export async function improveRounds<A extends Answer>(options: ImproveOptions<A>): Promise<Improved> {
  const { out, inputs, rounds, explore, size, shots, mix, queries, seed, version, training, signal } = options
  checkGeneration(options)
  if (!(Number.isInteger(rounds) && rounds >= 1 && explore >= 0 && explore <= 1 && size >= 2)) {
    throw new InputError(
      `rl-generate: ${rounds} rounds of ${size} pointers with a share of ${explore} to explore cannot be; use at least 1 round, 2 pointers, and a share in 0..1`,
    )
  }
  const run = await openRunDirectory({
    path: out,
    command: 'improve',
    config: {
      meta: metaOf(pickOptions<MetaOptions>(options, META_OPTIONS)),
      queries: queries.length,
      mix,
      shots,
      size,
      explore,
      training,
    },
    inputs,
    seed,
    versions: { lever: version },
  })
  try {
    let policy: GenerationPolicy | undefined = options.policy
    let close = async (): Promise<void> => Promise.resolve()
    for (let round = 1; round <= rounds; round++) {
      signal?.throwIfAborted()
      options.onEvent?.({ type: 'round', round, rounds })
      try {
        await measureRound(run, options, round, policy)
      } finally {
        await close()
      }
      const checkpoint = await trainRound(run, options, round)
      if (round === rounds) break
      const opened = await options.openPolicy(checkpoint)
      policy = opened
      close = () => opened.close()
    }
    const [rlData, checkpoint] = [run.file(RL_DATA_FILES.data), run.file(CHECKPOINT)]
    await writeFileAtomic(rlData, await readFile(dataOf(run, rounds)))
    await writeFileAtomic(checkpoint, await readFile(join(trainingOf(run, rounds, true), CHECKPOINT)))
    const journal = run.file(RL_DATA_FILES.journal)
    return { out: run.path, journal, rlData, checkpoint, rounds: recordsOf(run).slice(0, rounds) }
  } finally {
    await run.close()
  }
}

/** Measures the pointers of a round and writes all that was measured so far. */
async function measureRound<A extends Answer>(
  run: RunDirectory,
  options: ImproveOptions<A>,
  round: number,
  policy: GenerationPolicy | undefined,
): Promise<void> {
  const { size, embeddings, onEvent } = options
  const explore = round === 1 ? 1 : options.explore
  const mix = round === 1 ? options.mix : withoutBeams(options.mix)
  const rlData = dataOf(run, round)
  const before = round === 1 ? undefined : await readRlData(dataOf(run, round - 1))
  const done = await runStage(run, `measure ${round}`, [relative(run.path, rlData)], async () => {
    const planned = await planRound({
      ...{ ...options, policy: policy?.proposer, round, explore, mix },
      known: before === undefined ? new Map() : pointersOf(before),
    })
    const plan = {
      ...{ round, explore, mix, size, ...(policy && { policy: policy.facts }) },
      ...embeddingsOf(embeddings),
    }
    const journal = run.file(RL_DATA_FILES.journal)
    const { outcomes } = await measurePlanned<A>({ ...options, policy, journal }, plan, planned)
    await writeRlData({ journal, out: rlData })
    const means = meansOf(await readRlData(rlData), before)
    await record(run, { round, outcomes, ...means, chosen: '' })
  })
  if (!done) onEvent?.({ type: 'known', round, what: 'measured' })
}

/** The checkpoint of what a round trained. */
async function trainRound<A extends Answer>(
  run: RunDirectory,
  { rounds, train, onEvent }: ImproveOptions<A>,
  round: number,
): Promise<string> {
  const last = round === rounds
  const out = trainingOf(run, round, last)
  const checkpoint = join(out, CHECKPOINT)
  const stage = last ? `train ${round}, final` : `train ${round}`
  const done = await runStage(run, stage, [relative(run.path, checkpoint)], async () => {
    const { chosen } = await train({ round, last, rlData: dataOf(run, round), out })
    await record(run, { ...recordsOf(run)[round - 1]!, chosen })
  })
  if (!done) onEvent?.({ type: 'known', round, what: 'trained' })
  return checkpoint
}

/** The policy's best pointers are the other part of a round. Methods keep their places. */
function withoutBeams(mix: readonly ProposalRequest[]): ProposalRequest[] {
  return mix.map((request) => (request.method === 'beam' ? { ...request, count: 0 } : request))
}

/** Everything measured up to a round. */
function dataOf(run: RunDirectory, round: number): string {
  return run.file(`round-${round}/${RL_DATA_FILES.data}`)
}

/** Run directory of a training, which makes it itself. The last one has a floor, and so a folder of its own. */
function trainingOf(run: RunDirectory, round: number, last: boolean): string {
  return join(run.path, `round-${round}`, last ? 'final' : 'train')
}

function recordsOf({ manifest }: RunDirectory): readonly RoundRecord[] {
  return (manifest['rounds'] ?? []) as readonly RoundRecord[]
}

async function record(run: RunDirectory, one: RoundRecord): Promise<void> {
  const others = recordsOf(run).filter(({ round }) => round !== one.round)
  await run.update({ rounds: [...others, one].sort((a, b) => a.round - b.round) })
}
