import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { difference, subsetOf, toEnd, trainRecommended } from './support/training.ts'
import { answer, openWorld, percent } from './support/worlds.ts'
import type { World } from './support/worlds.ts'

/*
 * What a training delivers by the number of measured prompts (docs/results.md, "Never below the best baseline"):
 * `lever train --preset recommended` and what stands above its floor, on subsets of RL data, on the two bundled worlds, two
 * copying worlds that nobody has seen, and, where they are there, the measured outcomes of a real model and the simulated
 * composition task (`LEVER_DATA`). Every row is appended to `learning.jsonl` in `LEVER_LEARNING`; rows that are there are
 * not measured again.
 */

/** Questions x pointers. */
type Budget = readonly [queries: number, pointers: number]
const BUDGETS: readonly Budget[] = [
  [0, 0],
  [40, 6],
  [40, 12],
  [80, 12],
  [300, 6],
  [600, 6],
  [600, 12],
  [600, 36],
]
/** 3,600 prompts spent on fewer queries with more pointers each; 600 x 6 is among the others. */
const EQUAL_BUDGETS: readonly Budget[] = [
  [100, 36],
  [300, 12],
]
const REAL_BUDGETS: readonly Budget[] = [32, 64, 128, 256, 512].map((queries) => [queries, 16] as const)

function budgetsOf(world: string): readonly Budget[] {
  if (world === 'okvqa-lm') return REAL_BUDGETS
  if (world.startsWith('composition-sim')) return [[600, 24]]
  return world.startsWith('composition') ? [...BUDGETS, ...EQUAL_BUDGETS] : BUDGETS
}

export interface LearningRow {
  readonly world: string
  readonly seed: number
  /** Prompts that were measured, queries x pointers; of a baseline 0. */
  readonly prompts: number
  readonly queries?: number
  readonly who: string
  /** What the checkpoint chooses by. */
  readonly chosen: string | null
  /** Accuracy of what is delivered, and of the trained policy alone, in per cent. */
  readonly accuracy: number
  readonly policy: number | null
  /** Of measured outcomes: difference of the accuracy to random in points, with its standard error. */
  readonly minusRandom?: readonly [difference: number, error: number]
}

/** Measures what is not in `learning.jsonl` yet. */
export async function run({
  folder = process.env['LEVER_LEARNING'] ?? join(tmpdir(), 'lever-learning'),
  worlds = (
    process.env['LEVER_WORLDS'] ?? 'bundled composition okvqa-lm composition-sim fresh-1 fresh-2'
  ).split(' '),
  seeds = [0, 1, 2],
  only = (process.env['LEVER_BUDGETS'] ?? '').split(' ').filter(Boolean),
}: {
  folder?: string
  worlds?: readonly string[]
  seeds?: readonly number[]
  /** Budgets as `40x6`; all without any. */
  only?: readonly string[]
} = {}): Promise<LearningRow[]> {
  await mkdir(join(folder, 'runs'), { recursive: true })
  const file = join(folder, 'learning.jsonl')
  const rows = existsSync(file)
    ? (await readFile(file, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LearningRow)
    : []
  const add = async (row: LearningRow): Promise<void> => {
    rows.push(row)
    await appendFile(file, `${JSON.stringify(row)}\n`)
  }
  for (const name of worlds) {
    const world = await openWorld(name, folder)
    if (world === undefined) continue
    if (!rows.some((row) => row.world === name && row.who === 'random')) {
      for (const [who, values] of Object.entries(await world.baselines())) {
        await add({
          world: name,
          seed: 0,
          prompts: 0,
          who,
          chosen: null,
          accuracy: percent(values),
          policy: null,
        })
      }
    }
    for (const seed of seeds) {
      for (const budget of budgetsOf(name)) {
        if (only.length > 0 && !only.includes(budget.join('x'))) continue
        const isThere = rows.some(
          (row) =>
            row.world === name &&
            row.seed === seed &&
            row.queries === budget[0] &&
            row.prompts === budget[0] * budget[1],
        )
        if (isThere) continue
        const row = await measure(world, folder, seed, budget)
        if (row !== undefined) await add(row)
      }
    }
  }
  await writeFile(join(folder, 'learning.md'), tableOf(rows))
  return rows
}

/** The rows as the table of docs/results.md: one line for a world and a budget, its seeds in a cell. */
function tableOf(rows: readonly LearningRow[]): string {
  const worlds = [...new Set(rows.map(({ world }) => world))]
  const lines = worlds.flatMap((world) => {
    const own = rows.filter((row) => row.world === world)
    const trained = own.filter(({ who }) => who === 'lever train')
    const baselines = own.filter(({ who }) => who !== 'lever train')
    const budgets = [...new Set(trained.map(({ queries, prompts }) => `${queries} ${prompts}`))]
    const head = baselines.map(({ who, accuracy }) => `${who} ${accuracy}`).join(', ')
    return [
      `| ${world} | | baselines: ${head} | | |`,
      ...budgets.map((budget) => {
        const [queries, prompts] = budget.split(' ').map(Number)
        const same = trained
          .filter((row) => row.queries === queries && row.prompts === prompts)
          .sort((a, b) => a.seed - b.seed)
        const what = queries === 0 ? '0' : `${prompts} (${queries} x ${prompts! / queries!})`
        const cell = (of: (row: LearningRow) => string | number | null | undefined): string =>
          same.map((row) => String(of(row) ?? '-')).join(' / ')
        const gain = cell(({ minusRandom }) => minusRandom && `${minusRandom[0]} +- ${minusRandom[1]}`)
        return `| ${world} | ${what} | ${cell(({ accuracy }) => accuracy)} | ${cell(({ chosen }) => chosen)} | ${cell(({ policy }) => policy)} | ${gain} |`
      }),
    ]
  })
  return [
    '| world | prompts (queries x pointers) | delivered | chosen by | policy alone | delivered minus random |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines.map((line) => line.replace(/\| \| \|$/, '| | | |')),
    '',
  ].join('\n')
}

async function measure(
  world: World,
  folder: string,
  seed: number,
  budget: Budget,
): Promise<LearningRow | undefined> {
  const [queries, pointers] = budget
  const at = (what: string): string => join(folder, 'runs', `${world.name}-${seed}-${what}`)
  const free = at('free')
  if (world.free !== undefined && !existsSync(join(free, 'checkpoints/best.safetensors')))
    await toEnd(world.free(free, seed))
  const start = world.free === undefined ? undefined : join(free, 'checkpoints/best.safetensors')
  const row = { world: world.name, seed, prompts: queries * pointers, queries, who: 'lever train' }
  if (queries === 0) {
    if (start === undefined) return undefined
    const values = await answer(world, start)
    return { ...row, chosen: 'agreement', accuracy: percent(values), policy: percent(values) }
  }
  const out = at(`${queries}x${pointers}`)
  const part = subsetOf(world.data, queries, pointers, seed)
  const trained = await trainRecommended(world, part, out, seed, start === undefined ? {} : { init: start })
  const values = await answer(world, trained.checkpoint)
  const alone = await answer(world, trained.checkpoint, true)
  const random = (await world.baselines())['random']!
  return {
    ...row,
    chosen: trained.selection?.name ?? null,
    accuracy: percent(values),
    policy: percent(alone),
    minusRandom: difference(values, random),
  }
}
