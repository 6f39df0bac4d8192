import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RlData } from '@lever/rl-dataset'
import { difference, subsetOf, trainRecommended } from './support/training.ts'
import { answer, meanOf, openWorld, percent } from './support/worlds.ts'
import type { World } from './support/worlds.ts'

const SEEDS = [0, 1, 2]
const BUDGETS = {
  'okvqa-lm': [32, 64, 128, 256, 512].map((queries) => [queries, 16] as const),
  composition: [
    [80, 12],
    [300, 6],
    [600, 6],
    [600, 12],
  ],
} as const
type Name = keyof typeof BUDGETS

/** What is trained on: the official accuracy of one decoded answer, or the expectation over what the model would say. */
const REWARDS = ['accuracy', 'expected_accuracy', 'log_expected_accuracy'] as const
type Reward = (typeof REWARDS)[number]

export interface ExpectedRow {
  readonly world: string
  readonly seed: number
  readonly queries: number
  readonly prompts: number
  readonly reward: Reward
  readonly chosen: string | null
  /** Accuracy of what is delivered, and of the policy alone, in per cent. */
  readonly accuracy: number
  readonly policy: number
  /** Difference of each to random in points, with its standard error. */
  readonly minusRandom: readonly [difference: number, error: number]
  readonly policyMinusRandom: readonly [difference: number, error: number]
}

/**
 * What the expected accuracy buys by the number of prompts, beside the accuracy (docs/results.md, "Expected accuracy or
 * accuracy"): `lever train --preset recommended` on the same pointers, rewarded by either. Rows are appended to
 * `expected.jsonl` in `LEVER_LEARNING`, where `bench/learning.ts` keeps the worlds; what is there is not measured again.
 */
export async function run({
  folder = process.env['LEVER_LEARNING'] ?? join(tmpdir(), 'lever-learning'),
  worlds = (process.env['LEVER_WORLDS']?.split(' ') ?? Object.keys(BUDGETS)) as readonly Name[],
}: { folder?: string; worlds?: readonly Name[] } = {}): Promise<ExpectedRow[]> {
  await mkdir(join(folder, 'runs'), { recursive: true })
  const file = join(folder, 'expected.jsonl')
  const lines = existsSync(file) ? (await readFile(file, 'utf8')).split('\n').filter(Boolean) : []
  const rows = lines.map((line) => JSON.parse(line) as ExpectedRow)
  for (const name of worlds) {
    const world = await openWorld(name, folder)
    if (world?.withExpected === undefined) continue
    const data = await world.withExpected()
    const asked = SEEDS.flatMap((seed) =>
      BUDGETS[name].flatMap(([queries, pointers]) =>
        REWARDS.map((reward) => ({ seed, queries, pointers, reward })),
      ),
    )
    for (const one of asked) {
      const prompts = one.queries * one.pointers
      const isThere = rows.some(
        (row) =>
          row.world === name &&
          row.seed === one.seed &&
          row.queries === one.queries &&
          row.prompts === prompts &&
          row.reward === one.reward,
      )
      if (isThere) continue
      const row = await measure(world, data, folder, one)
      rows.push(row)
      await appendFile(file, `${JSON.stringify(row)}\n`)
    }
  }
  await writeFile(join(folder, 'expected.md'), tableOf(rows))
  return rows
}

async function measure(
  world: World,
  data: RlData,
  folder: string,
  { seed, queries, pointers, reward }: { seed: number; queries: number; pointers: number; reward: Reward },
): Promise<ExpectedRow> {
  const out = join(folder, 'runs', `${world.name}-${seed}-${queries}x${pointers}-${reward}`)
  const part = subsetOf(data, queries, pointers, seed)
  const rewarded = reward === 'accuracy' ? withoutExpected(part) : part
  const trained = await trainRecommended(world, rewarded, out, seed, {
    rewardMode: reward === 'accuracy' ? 'hard_plus_soft' : reward,
  })
  const delivered = await answer(world, trained.checkpoint)
  const alone = await answer(world, trained.checkpoint, true)
  const random = (await world.baselines())['random']!
  return {
    ...{ world: world.name, seed, queries, prompts: queries * pointers, reward },
    chosen: trained.selection?.name ?? null,
    accuracy: percent(delivered),
    policy: percent(alone),
    minusRandom: difference(delivered, random),
    policyMinusRandom: difference(alone, random),
  }
}

/** As if only answers had been decoded: the training's own comparisons have no expected accuracy either. */
function withoutExpected(data: RlData): RlData {
  return {
    ...data,
    queries: data.queries.map((query) => ({
      ...query,
      pointer_candidates: query.pointer_candidates.map((one) => {
        const { vqa_gt_prob: expected, ...decoded } = one
        return expected === undefined ? one : decoded
      }),
    })),
  }
}

/** A line for a world and a budget, the seeds in a cell, and the mean difference to random of each reward. */
function tableOf(rows: readonly ExpectedRow[]): string {
  const head = ['world', 'prompts', ...REWARDS.flatMap((one) => [`${one}: delivered`, 'policy alone'])]
  const keys = [...new Set(rows.map(({ world, queries, prompts }) => `${world} ${queries} ${prompts}`))]
  const lines = keys.map((key) => {
    const [world, queries, prompts] = key.split(' ')
    const cells = REWARDS.flatMap((reward) => {
      const own = rows
        .filter((row) => `${row.world} ${row.queries} ${row.prompts}` === key && row.reward === reward)
        .sort((a, b) => a.seed - b.seed)
      const cell = (of: 'minusRandom' | 'policyMinusRandom'): string => {
        const gains = own.map((row) => row[of][0])
        return `${gains.join(' / ')} (mean ${meanOf(gains).toFixed(1)})`
      }
      return [cell('minusRandom'), cell('policyMinusRandom')]
    })
    return [world!, `${prompts!} (${queries!} x ${Number(prompts) / Number(queries)})`, ...cells]
  })
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}
