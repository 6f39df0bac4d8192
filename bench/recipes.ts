import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AUTO_CANDIDATES, findFloor, loadTraining, planTraining, TRAIN_SCHEMA } from '@lever/grpo-trainer'
import type { Delivered, TrainedPolicy, TrainingPlan } from '@lever/grpo-trainer'
import { readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import { encodeRlData } from '@lever/rl-dataset'
import { readSettings } from '@lever/settings'
import { toEnd } from './support/training.ts'
import { answer, openWorld, percent } from './support/worlds.ts'
import type { World } from './support/worlds.ts'

const WORLDS = [
  ...['okvqa-lm', 'composition', 'bundled', 'composition-sim', 'composition-sim-2', 'fresh-1', 'fresh-2'],
]
const SEEDS = [0, 1, 2]
/** Validation questions whose choices are measured. */
const GREEDY = 60

interface Chosen {
  readonly chosen: string
  readonly accuracy: number
}

interface Row {
  readonly world: string
  readonly seed: number
  /** Accuracy of every candidate alone, in per cent, and what it was worth on validation (x 100). */
  readonly candidates: Readonly<Record<string, { readonly accuracy: number; readonly validation: number }>>
  /** What `auto` delivers by measured pointers, and its accuracy; the same if ties went to the simplest; and by what each chooses. */
  readonly chosen: string
  readonly delivered: number
  readonly simplest: Chosen
  readonly greedy?: Chosen & { readonly prompts: number; readonly values: readonly number[] }
  /** Processor seconds of the whole training. */
  readonly seconds: number
}

/**
 * `lever train --preset auto` on everything that was measured of every world (docs/results.md, "One recipe or several"):
 * what each of its recipes answers alone, and what is delivered. Rows are appended to `recipes.jsonl` in `LEVER_LEARNING`,
 * where `bench/learning.ts` keeps the worlds too; what is there is not measured again. `LEVER_WORLDS` and `LEVER_SEEDS` choose.
 */
export async function run({
  folder = process.env['LEVER_LEARNING'] ?? join(tmpdir(), 'lever-learning'),
  worlds = process.env['LEVER_WORLDS']?.split(' ') ?? WORLDS,
  seeds = process.env['LEVER_SEEDS']?.split(' ').map(Number) ?? SEEDS,
}: { folder?: string; worlds?: readonly string[]; seeds?: readonly number[] } = {}): Promise<Row[]> {
  await mkdir(join(folder, 'runs'), { recursive: true })
  const file = join(folder, 'recipes.jsonl')
  const lines = existsSync(file) ? (await readFile(file, 'utf8')).split('\n').filter(Boolean) : []
  const rows = lines.map((line) => JSON.parse(line) as Row)
  for (const seed of seeds) {
    for (const world of worlds) {
      if (rows.some((row) => row.world === world && row.seed === seed)) continue
      const row = await measure(world, seed, folder)
      if (row === undefined) continue
      rows.push(row)
      await appendFile(file, `${JSON.stringify(row)}\n`)
    }
  }
  await writeFile(join(folder, 'recipes.md'), tableOf(rows))
  return rows
}

async function measure(name: string, seed: number, folder: string): Promise<Row | undefined> {
  const world = await openWorld(name, folder)
  if (world === undefined) return undefined
  const rlData = join(folder, 'runs', `${name}.json`)
  await writeFile(rlData, encodeRlData(world.data).bytes)
  const out = join(folder, 'runs', `${name}-${seed}-auto`)
  const settings = readSettings(TRAIN_SCHEMA, {
    ...{ rlData: [rlData], embeddings: world.embeddings, out, seed, preset: 'auto', keepEpochs: false },
    ...world.settings,
  })
  const { user, system } = process.cpuUsage()
  const plan = planTraining(settings)
  const trained = await toEnd({ ...plan, ...(world.labels && { free: world.labels }) })
  const spent = process.cpuUsage({ user, system })
  const { name: chosen, compared } = trained.selection!
  const candidates: Record<string, Row['candidates'][string]> = {}
  for (const one of Object.keys(AUTO_CANDIDATES)) {
    const alone = await answer(world, join(out, 'candidates', one, 'checkpoints/best.safetensors'))
    const found = compared.find((each) => each.name.startsWith(`${one}: `))
    candidates[one] = { accuracy: percent(alone), validation: Math.round(1e4 * (found?.value ?? 0)) / 100 }
  }
  const delivered = percent(await answer(world, trained.checkpoint))
  const seconds = (spent.user + spent.system) / 1e6
  return { world: name, seed, candidates, chosen, delivered, ...(await otherRules(world, plan)), seconds }
}

/** What would be delivered of the same trainings by other rules. */
async function otherRules(world: World, plan: TrainingPlan): Promise<Pick<Row, 'simplest' | 'greedy'>> {
  const { out } = plan
  const best = (folder: string): string => join(out, folder, 'checkpoints/best.safetensors')
  const { data, columns } = await loadTraining(plan)
  const trained: TrainedPolicy[] = []
  for (const name of Object.keys(AUTO_CANDIDATES)) {
    const { model, info } = await readCheckpoint(best(`candidates/${name}`))
    const { phase = '', epoch = 0, step = 0 } = info
    trained.push({ model, phase, epoch, step, name, metrics: {} })
  }
  const starts = existsSync(best('agreement')) ? [await readCheckpoint(best('agreement'))] : []
  const answered = async (found: Delivered): Promise<Chosen> => {
    const path = join(out, 'other-rule.safetensors')
    await writeCheckpoint(path, { model: found.model, info: {} })
    return { chosen: found.selection.name, accuracy: percent(await answer(world, path)) }
  }
  const simplest = await answered(
    (await findFloor({ data, columns, trained: trained.toReversed(), starts }))!,
  )
  const { measure } = world
  if (measure === undefined) return { simplest }
  const found = (await findFloor({ data, columns, trained, starts, greedy: { queries: GREEDY, measure } }))!
  const { prompts, compared } = found.selection.greedy!
  const values = compared.map(({ value }) => Math.round(1e4 * value) / 100)
  return { simplest, greedy: { ...(await answered(found)), prompts, values } }
}

/** A line for a world, its seeds in a cell. */
function tableOf(rows: readonly Row[]): string {
  const names = Object.keys(AUTO_CANDIDATES)
  const rules = ['`auto` delivers', 'ties to the simplest', 'by what each chooses', 'prompts']
  const head = ['world', ...names.map((name) => `${name} (validation)`), ...rules]
  const lines = [...new Set(rows.map(({ world }) => world))].map((world) => {
    const own = rows.filter((row) => row.world === world).sort((a, b) => a.seed - b.seed)
    const cell = (of: (row: Row) => string | number): string => own.map(of).join(' / ')
    return [
      world,
      ...names.map((name) =>
        cell(({ candidates }) => `${candidates[name]!.accuracy} (${candidates[name]!.validation})`),
      ),
      cell(({ delivered, chosen }) => `${delivered} (${chosen})`),
      cell(({ simplest }) => `${simplest.accuracy} (${simplest.chosen})`),
      cell(({ greedy }) => (greedy === undefined ? '-' : `${greedy.accuracy} (${greedy.chosen})`)),
      cell(({ greedy }) => greedy?.prompts ?? '-'),
    ]
  })
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}
