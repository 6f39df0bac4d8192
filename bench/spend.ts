import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planTraining, TRAIN_SCHEMA } from '@lever/grpo-trainer'
import type { TrainedFiles } from '@lever/grpo-trainer'
import { byIds, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { encodeRlData } from '@lever/rl-dataset'
import { readSettings } from '@lever/settings'
import { improveTask, ROUNDS } from './support/spend-improve.ts'
import type { ImprovedRun } from './support/spend-improve.ts'
import {
  beamsOf,
  IMPROVEMENTS,
  rlDataOf,
  SCHEMES,
  SINGLE_SCHEMES,
  someQuestions,
} from './support/spend-schemes.ts'
import type { Measured, Propose, Purse } from './support/spend-schemes.ts'
import { spendTable } from './support/spend-table.ts'
import { openTask } from './support/spend-tasks.ts'
import type { Task } from './support/spend-tasks.ts'
import { toEnd } from './support/training.ts'

/*
 * Which pointers are worth measuring (docs/results.md, "Which prompts teach"): ways to spend a number of prompts, each
 * followed by one training with the recommended preset, judged on test questions with and without the floor. Rows are
 * appended to `spend.jsonl` in `LEVER_SPEND`, and what is there is not measured again; so are the outcomes of the
 * bundled models.
 */

const FOLDER = process.env['LEVER_SPEND'] ?? join(tmpdir(), 'lever-spend')
const TASKS = ['composition', 'simulated', 'bundled', 'okvqa-lm']
const BUDGETS: Readonly<Record<string, readonly number[]>> = { 'okvqa-lm': [512, 2048, 4096] }
const USUAL_BUDGETS = [3600, 10_800, 960]

export interface SpendRow {
  readonly task: string
  readonly budget: number
  readonly scheme: string
  readonly seed: number
  /** Prompts that were asked. */
  readonly prompts: number
  /** What the checkpoint chooses by. */
  readonly chosen: string
  /** Accuracy 0..1 of every test question, of what is delivered, and of the policy alone. */
  readonly delivered: readonly number[]
  readonly alone: readonly number[]
}

/** Measures what is not in `spend.jsonl` yet, and writes the table of all of it beside. */
export async function run({
  tasks = listed('LEVER_SPEND_TASKS') ?? TASKS,
  seeds = listed('LEVER_SPEND_SEEDS')?.map(Number) ?? [0, 1, 2],
  budgets = listed('LEVER_SPEND_BUDGETS')?.map(Number),
}: {
  tasks?: readonly string[]
  seeds?: readonly number[]
  budgets?: readonly number[]
} = {}): Promise<string> {
  await mkdir(FOLDER, { recursive: true })
  const pattern = process.env['LEVER_SPEND_SCHEMES']
  const only = pattern === undefined ? undefined : new RegExp(pattern)
  const file = join(FOLDER, 'spend.jsonl')
  for (const name of tasks) {
    const task = await openTask(name, FOLDER)
    if (task === undefined) continue
    const possible = [
      ...(task.shots === 1 ? SINGLE_SCHEMES : Object.keys(SCHEMES)),
      ...Object.keys(IMPROVEMENTS),
    ]
    const schemes = possible.filter((scheme) => only === undefined || only.test(scheme))
    for (const budget of budgets ?? BUDGETS[name] ?? USUAL_BUDGETS) {
      for (const seed of seeds) {
        for (const scheme of schemes) {
          const isThere = (await readRows(file)).some(
            (row) => row.task === name && row.budget === budget && row.seed === seed && row.scheme === scheme,
          )
          if (isThere) continue
          const row = await spend(task, scheme, budget, seed)
          await appendFile(file, `${JSON.stringify(row)}\n`)
          process.stderr.write(
            `${name} ${budget} seed ${seed} ${scheme}: ${percent(row.delivered)} (${row.chosen}), alone ${percent(row.alone)}, ${row.prompts} prompts\n`,
          )
        }
      }
    }
    await task.close?.()
  }
  const table = spendTable(await readRows(file))
  await writeFile(join(FOLDER, 'spend.md'), table)
  return table
}

async function readRows(file: string): Promise<SpendRow[]> {
  if (!existsSync(file)) return []
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as SpendRow)
}

/** Spends the prompts, trains, and evaluates. */
async function spend(task: Task, scheme: string, budget: number, seed: number): Promise<SpendRow> {
  const out = join(FOLDER, 'runs', `${task.name}-${budget}-${seed}-${scheme.replaceAll(/\W+/g, '-')}`)
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  const { checkpoint, chosen, prompts } =
    scheme in IMPROVEMENTS
      ? await improveBy(task, scheme, budget, seed, out)
      : await spendBy(task, scheme, budget, seed, out)
  const delivered = await evaluate(task, checkpoint, false)
  const alone = await evaluate(task, checkpoint, true)
  await rm(out, { recursive: true, force: true })
  return { task: task.name, budget, scheme, seed, prompts, chosen, delivered, alone }
}

/** By the product's own rounds. */
async function improveBy(
  task: Task,
  scheme: string,
  budget: number,
  seed: number,
  out: string,
): Promise<ImprovedRun> {
  const [pointers, members] = IMPROVEMENTS[scheme]!
  const { questions, size } = someQuestions({ task, budget, seed }, pointers)
  return improveTask(task, {
    ...{
      questions: questions.length,
      size: Math.floor(size / ROUNDS),
      members,
      seed,
      out: join(out, 'improve'),
    },
  })
}

async function spendBy(
  task: Task,
  scheme: string,
  budget: number,
  seed: number,
  out: string,
): Promise<ImprovedRun> {
  const { purse, prompts } = openPurse(task, budget, seed, out)
  await SCHEMES[scheme]!(purse)
  const { checkpoint, selection } = await trainOn(purse, join(out, 'final'))
  return { checkpoint, chosen: selection?.name ?? 'policy', prompts: prompts() }
}

function openPurse(
  task: Task,
  budget: number,
  seed: number,
  out: string,
): { purse: Purse; prompts: () => number } {
  const measured = new Map<number, Map<string, Measured>>()
  let prompts = 0
  let trainings = 0
  const purse: Purse = {
    ...{ task, seed, budget, measured },
    random: createRandom(seed, 'spend', task.name, budget),
    async ask(wanted) {
      const fresh = new Map(wanted.map((one) => [`${one[0]}:${one[1].join()}`, one]))
      const asked = [...fresh.values()]
        .filter(([query, pointer]) => measured.get(query)?.has(String(pointer)) !== true)
        .slice(0, budget - prompts)
      const outcomes = await task.measure(asked.map(([query, pointer]) => [query, pointer]))
      prompts += asked.length
      asked.forEach(([query, pointer, method], i) => {
        if (!measured.has(query)) measured.set(query, new Map())
        measured.get(query)!.set(String(pointer), { pointer, outcome: outcomes[i]!, method })
      })
    },
    async probe(asked) {
      const some = asked.slice(0, budget - prompts)
      prompts += some.length
      return task.measure(some)
    },
    async withPolicy(use) {
      const trained = await trainOn(purse, join(out, `training-${trainings++}`))
      const { model } = await readCheckpoint(trained.checkpoint)
      const policy = await openPolicy(model)
      const asked = byIds(policy, task.tables)
      const propose: Propose = async (questions) => {
        const { shots } = task
        const beams = await asked.beam(questions, { shots, width: beamsOf(task) })
        return beams.map((list, i) =>
          list.map(({ pointer }) => Array.from(pointer, (n) => questions[i]!.poolIds[n]!)),
        )
      }
      try {
        return await use(propose)
      } finally {
        await policy.close()
      }
    },
  }
  return { purse, prompts: () => prompts }
}

/** Trains with the recommended preset on what was measured. */
async function trainOn(purse: Purse, out: string): Promise<TrainedFiles> {
  const { task, seed } = purse
  const rlData = `${out}.json`
  await writeFile(rlData, encodeRlData(rlDataOf(purse)).bytes)
  const settings = readSettings(TRAIN_SCHEMA, {
    ...{ rlData: [rlData], out, preset: 'recommended', keepEpochs: false, seed, ...task.settings },
  })
  return toEnd(planTraining(settings))
}

/** Accuracy of what a checkpoint delivers, or of its policy alone, test question by test question. */
async function evaluate(task: Task, checkpoint: string, alone: boolean): Promise<number[]> {
  const { floor, ...model } = (await readCheckpoint(checkpoint)).model
  const policy = await openPolicy({ ...model, ...(floor && !alone && { floor }) })
  try {
    const { questions, tables, measure } = task.test
    const chosen = await byIds(policy, tables).choose(questions, { shots: task.shots })
    const outcomes = await measure(questions.map(({ queryId }, i) => [queryId, chosen[i]!] as const))
    return outcomes.map(({ accuracy }) => accuracy)
  } finally {
    await policy.close()
  }
}

function listed(name: string): string[] | undefined {
  return process.env[name]?.split(' ')
}

function percent(values: readonly number[]): string {
  return ((100 * values.reduce((a, b) => a + b, 0)) / values.length).toFixed(1)
}
