import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { InputError, openRunDirectory, runStage, writeFileAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { encodeRlData, RL_DATA_FILES } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { pickOptions, refuseUnknownOptions } from '@lever/durable-files/known-options'
import { checkGeneration } from '../generate/checks.ts'
import { measurePlanned } from '../generate/generate.ts'
import { embeddingsOf, META_OPTIONS, metaOf, type MetaOptions } from '../generate/meta.ts'
import type { PointerPlan } from '../generate/plan.ts'
import type { PlanLine } from '../measure/plans.ts'
import type { Answer } from '../measure/types.ts'
import { writeRlData } from '../write.ts'
import { measureGiven } from './measure-given.ts'
import { planRound } from './plan-round.ts'
import { resampled } from './resample.ts'
import { freshReward, pointersOf } from './rewards.ts'
import { IMPROVE_OPTIONS } from './types.ts'
import type {
  GivenPointer,
  Improved,
  ImproveOptions,
  MeasuredPointer,
  OpenedPolicy,
  RoundRecord,
} from './types.ts'

const CHECKPOINT = 'checkpoints/best.safetensors'
const MEMBERS = 4

/**
 * Rounds of measuring and training. Round 1 measures a random part of the mix for every query. Then an ensemble of policies is
 * trained, each on a bootstrap resample of the queries measured so far, and every pointer of the next round is what a random
 * one of them finds best and nobody measured (Thompson sampling with an ensemble; Osband et al. 2016). After the last round one
 * policy is trained on everything. All rounds append to one journal. Called again with the same options it continues, after a
 * kill too; with more rounds it adds them.
 *
 * @throws InputError for settings that measure nothing, and for a run directory of another run; what `train` and the
 * measuring throw
 */
export async function improveRounds<A extends Answer>(options: ImproveOptions<A>): Promise<Improved> {
  refuseUnknownOptions(options, IMPROVE_OPTIONS, 'rl-generate: improveRounds')
  const { out, inputs, rounds, size, shots, mix, queries, seed, version, training, signal } = options
  const { members = MEMBERS, onEvent } = options
  checkGeneration(options)
  if (!(Number.isInteger(rounds) && rounds >= 1 && size >= 2 && Number.isInteger(members) && members >= 1)) {
    throw new InputError(
      `rl-generate: ${rounds} rounds of ${size} pointers that ${members} policies propose cannot be; use at least 1 round, 2 pointers and 1 policy`,
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
      members,
      training,
    },
    inputs,
    seed,
    versions: { lever: version },
  })
  try {
    let ensemble: readonly string[] = []
    for (let round = 1; round <= rounds; round++) {
      signal?.throwIfAborted()
      onEvent?.({ type: 'round', round, rounds })
      await measureRound(run, options, round, ensemble)
      if (round < rounds) ensemble = await trainEnsemble(run, options, round, members)
    }
    const trained = await trainFinal(run, options)
    const [rlData, checkpoint] = [run.file(RL_DATA_FILES.data), run.file(CHECKPOINT)]
    await writeFileAtomic(rlData, await readFile(dataOf(run, rounds)))
    await writeFileAtomic(checkpoint, await readFile(trained.checkpoint))
    const journal = run.file(RL_DATA_FILES.journal)
    const { chosen, validated } = trained
    const records = recordsOf(run).slice(0, rounds)
    return { out: run.path, journal, rlData, checkpoint, chosen, validated, rounds: records }
  } finally {
    await run.close()
  }
}

/** Measures the pointers of a round and writes all that was measured so far. */
async function measureRound<A extends Answer>(
  run: RunDirectory,
  options: ImproveOptions<A>,
  round: number,
  ensemble: readonly string[],
): Promise<void> {
  const rlData = dataOf(run, round)
  const done = await runStage(run, `measure ${round}`, [relative(run.path, rlData)], async () => {
    const before = round === 1 ? undefined : await readRlData(dataOf(run, round - 1))
    const known = before === undefined ? new Map<number, number[][]>() : pointersOf(before)
    const [line, planned] = await planFrom(options, ensemble, { round, known })
    const journal = run.file(RL_DATA_FILES.journal)
    const { outcomes } = await measurePlanned<A>({ ...options, journal }, line, planned)
    await writeRlData({ journal, out: rlData })
    const reward = freshReward(await readRlData(rlData), before)
    await record(run, { round, outcomes, reward })
  })
  if (!done) options.onEvent?.({ type: 'known', round, what: 'measured' })
}

/** The plan of a round, and its line in the journal: of the mix, or of the policies of checkpoints. */
async function planFrom<A extends Answer>(
  options: ImproveOptions<A>,
  ensemble: readonly string[],
  asked: Pick<Parameters<typeof planRound>[0], 'round' | 'known'>,
): Promise<readonly [PlanLine, PointerPlan]> {
  const { size, embeddings, policy } = options
  const { round } = asked
  const opened: OpenedPolicy[] = []
  try {
    for (const checkpoint of ensemble) opened.push(await options.openPolicy(checkpoint))
    const members = opened.map(({ proposer }) => proposer)
    const planned = await planRound({ ...options, policy: policy?.proposer, members, ...asked })
    const by =
      members.length === 0
        ? { mix: options.mix, ...(policy && { policy: policy.facts }) }
        : { members: opened.map(({ facts }) => facts) }
    return [{ round, size, ...by, ...embeddingsOf(embeddings) }, planned]
  } finally {
    for (const one of opened) await one.close()
  }
}

/** The checkpoints of the policies that propose in the next round. */
async function trainEnsemble<A extends Answer>(
  run: RunDirectory,
  { seed, train, onEvent }: ImproveOptions<A>,
  round: number,
  members: number,
): Promise<readonly string[]> {
  const folders = Array.from({ length: members }, (_, i) => run.file(`round-${round}/member-${i + 1}`))
  const checkpoints = folders.map((folder) => join(folder, CHECKPOINT))
  const files = checkpoints.map((path) => relative(run.path, path))
  const done = await runStage(run, `train the ensemble of ${round}`, files, async () => {
    const data = await readRlData(dataOf(run, round))
    const trainings = folders.map(async (out, member) => {
      const rlData = `${out}.json`
      await writeFileAtomic(rlData, encodeRlData(resampled(data, seed, round, member)).bytes)
      const measure = (): never => {
        throw new Error('rl-generate: only the policy that is delivered may be measured')
      }
      await train({ round, member, rlData, out, measure })
    })
    const failed = (await Promise.allSettled(trainings)).find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  })
  if (!done) onEvent?.({ type: 'known', round, what: 'trained' })
  return checkpoints
}

/** The policy trained on everything. */
async function trainFinal<A extends Answer>(
  run: RunDirectory,
  options: ImproveOptions<A>,
): Promise<Pick<Improved, 'checkpoint' | 'chosen' | 'validated'>> {
  const { rounds: round, train, onEvent } = options
  const out = run.file(`round-${round}/final`)
  const checkpoint = join(out, CHECKPOINT)
  const ends = (): Record<string, Pick<Improved, 'chosen' | 'validated'>> =>
    (run.manifest['ends'] ?? {}) as never
  const done = await runStage(run, `train ${round}, final`, [relative(run.path, checkpoint)], async () => {
    let validated = 0
    const measure = (given: readonly GivenPointer[]): Promise<MeasuredPointer[]> => {
      validated += given.length
      return measureGiven(options, run.file(`round-${round}/validation.jsonl`), given)
    }
    const { chosen } = await train({ round, member: null, rlData: dataOf(run, round), out, measure })
    await run.update({ ends: { ...ends(), [round]: { chosen, validated } } })
  })
  if (!done) onEvent?.({ type: 'known', round, what: 'trained' })
  return { checkpoint, ...ends()[round]! }
}

/** Everything measured up to a round. */
function dataOf(run: RunDirectory, round: number): string {
  return run.file(`round-${round}/${RL_DATA_FILES.data}`)
}

function recordsOf({ manifest }: RunDirectory): readonly RoundRecord[] {
  return (manifest['rounds'] ?? []) as readonly RoundRecord[]
}

async function record(run: RunDirectory, one: RoundRecord): Promise<void> {
  const others = recordsOf(run).filter(({ round }) => round !== one.round)
  await run.update({ rounds: [...others, one].sort((a, b) => a.round - b.round) })
}
