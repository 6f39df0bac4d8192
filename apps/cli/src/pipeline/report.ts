import { readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Curve, CurveSeries, Fact, RewardDescription } from '@lever/icl-eval'
import type { VqaExample } from '@lever/vqa-eval/node'
import type { VqaModel } from '@lever/vqa-model'
import type { Evaluated } from './evaluate.ts'

export interface ReportOptions {
  readonly title: string
  readonly intro: string
  readonly evaluated: Evaluated
  readonly queries: readonly VqaExample[]
  readonly candidates: readonly VqaExample[]
  /** The selector that the examples are about; the last policy, or the best-known baseline. */
  readonly focus: string
  readonly facts: readonly Fact[]
  readonly warnings?: readonly string[]
  /** `metrics.jsonl` of trainings, by name. */
  readonly trainings?: Readonly<Record<string, string>>
  /** RL data that the policies were trained on. */
  readonly rlData?: string
}

/** A report of one evaluation as a self-contained HTML page. Equal inputs give equal bytes. */
export async function makeReport({
  title,
  intro,
  evaluated: { rows, summary },
  queries,
  candidates,
  focus,
  facts,
  warnings = [],
  trainings = {},
  rlData,
}: ReportOptions): Promise<string> {
  const { renderReport, reportExamples } = await import('@lever/icl-eval')
  const has = (selector: string, shots: number): boolean =>
    summary.table.some((row) => row.selector === selector && row.shots === shots)
  const shots = focus === 'random' ? undefined : [2, 1, 3, 4].find((k) => has(focus, k) && has('random', k))
  const examples =
    shots === undefined
      ? undefined
      : reportExamples({
          queries,
          library: candidates,
          rows,
          shots,
          focus,
          against: 'random',
          others: ['oracle'].filter((name) => has(name, shots)),
          thumbnail,
        })
  const curves = await curvesOf(trainings)
  const rewards = rlData === undefined ? undefined : await rewardsOf(rlData)
  const run = {
    name: title,
    summary,
    rows,
    facts,
    warnings,
    ...(curves.length > 0 && { curves }),
    ...(rewards && { rewards }),
    ...(examples && { examples }),
  }
  return renderReport({ title, intro, runs: [run] })
}

/** How an evaluation was measured. */
export function factsOf(
  model: VqaModel,
  { split, seed, pool, version }: { split: string; seed: number; pool: string; version: string },
): Fact[] {
  const { protocol, protocolHash } = model
  return [
    { label: 'model', value: `${protocol.model} (${protocol.backend}), prompt ${protocol.template}` },
    { label: 'protocol', value: protocolHash },
    { label: 'metric', value: protocol.metric },
    { label: 'split', value: split },
    { label: 'pools', value: pool },
    { label: 'seed', value: String(seed) },
    { label: 'lever', value: version },
  ]
}

/** How pools were made, in words. */
export function poolText({
  method,
  size,
  seed,
}: {
  method: string
  size: number
  seed: number | string
}): string {
  return `${size} examples a question, ${method}, seed ${seed}`
}

const TYPES = new Map([
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.webp', 'image/webp'],
])
/** A larger image would fill the page alone; it is left out. */
const LARGEST = 64 * 1024

function thumbnail({ image }: { readonly image?: string }): string | undefined {
  const type = image === undefined ? undefined : TYPES.get(extname(image).toLowerCase())
  if (image === undefined || type === undefined || statSync(image).size > LARGEST) return undefined
  return `data:${type};base64,${readFileSync(image).toString('base64')}`
}

async function rewardsOf(rlData: string): Promise<RewardDescription> {
  const { describeRewards, measuredQueries } = await import('@lever/icl-eval')
  const { readRlData } = await import('@lever/rl-dataset/node')
  return describeRewards(measuredQueries(await readRlData(rlData)).queries)
}

/** Metrics of steps that are plotted, with their units. */
const STEP_METRICS: ReadonlyMap<string, string> = new Map([
  ['loss', 'nats'],
  ['entropy', 'nats'],
  ['kl', 'nats'],
  ['grad_norm', ''],
])
const POINTS = 200

/** Training curves: what every step reports, thinned out, and the validation rewards. */
async function curvesOf(trainings: Readonly<Record<string, string>>): Promise<Curve[]> {
  const series = new Map<string, CurveSeries[]>()
  const add = (curve: string, name: string, points: readonly (readonly [number, number])[]): void => {
    if (points.length > 0) series.set(curve, [...(series.get(curve) ?? []), { name, points: thin(points) }])
  }
  for (const [name, path] of Object.entries(trainings)) {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as Record<string, number | string>)
    const points = (metric: string, event: string | undefined): (readonly [number, number])[] =>
      rows.flatMap((row) =>
        row['event'] === event && typeof row[metric] === 'number'
          ? [[row['step'] as number, row[metric]] as const]
          : [],
      )
    for (const metric of STEP_METRICS.keys()) add(metric, name, points(metric, undefined))
    add('validation reward', name, points('eval/reward', 'validation'))
  }
  return Array.from(series, ([name, lines]) => {
    const unit = STEP_METRICS.get(name) ?? ''
    return { name, x: 'step', series: lines, ...(unit !== '' && { unit }) }
  })
}

/** Means of neighbours, so that no more than `POINTS` are left. */
function thin(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const width = Math.ceil(points.length / POINTS)
  return Array.from({ length: Math.ceil(points.length / width) }, (_, i) => {
    const part = points.slice(i * width, (i + 1) * width)
    return [part.at(-1)![0], part.reduce((sum, [, y]) => sum + y, 0) / part.length] as const
  })
}
