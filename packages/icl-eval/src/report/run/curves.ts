import { readJsonLines } from '@lever/durable-files'
import type { Curve, CurveSeries } from '../types.ts'

type Row = Readonly<Record<string, unknown>>
type Point = readonly [x: number, y: number]

interface Plotted {
  readonly curve: string
  readonly metric: string
  readonly event?: 'validation'
  readonly unit?: string
}

/** What is plotted of `metrics.jsonl`, as far as it is there. */
const PLOTTED: readonly Plotted[] = [
  { curve: 'loss', metric: 'loss', unit: 'nats' },
  { curve: 'validation loss', metric: 'eval/loss', event: 'validation', unit: 'nats' },
  { curve: 'validation reward', metric: 'eval/reward', event: 'validation' },
  { curve: 'expected validation reward', metric: 'eval/reward_expected', event: 'validation' },
  { curve: 'entropy', metric: 'entropy', unit: 'nats' },
  { curve: 'KL', metric: 'kl', unit: 'nats' },
  { curve: 'gradient norm', metric: 'grad_norm' },
]
/** Points of a line; where there are more, neighbours are averaged. */
const MAX_POINTS = 200

/**
 * Curves over steps of several trainings, `name` to the path of its `metrics.jsonl`. The phases of a
 * training are lines of their own, because their losses are different functions.
 */
export async function curvesOf(trainings: Readonly<Record<string, string>>): Promise<Curve[]> {
  const loaded = await Promise.all(
    Object.entries(trainings).map(async ([name, path]) => ({
      name,
      rows: (await readJsonLines(path)) as Row[],
    })),
  )
  return PLOTTED.flatMap(({ curve, metric, event, unit }) => {
    const series = loaded.flatMap(({ name, rows }) => seriesOf(name, rows, metric, event))
    return series.length === 0
      ? []
      : [{ name: curve, x: 'step', series, ...(unit !== undefined && { unit }) }]
  })
}

function seriesOf(
  name: string,
  rows: readonly Row[],
  metric: string,
  event: string | undefined,
): CurveSeries[] {
  const own = rows.filter((row) => row['event'] === event && typeof row[metric] === 'number')
  const phases = [...new Set(own.map((row) => String(row['phase'])))]
  return phases.map((phase) => {
    const points = own
      .filter((row) => String(row['phase']) === phase)
      .map((row): Point => [Number(row['step']), Number(row[metric])])
    return { name: phases.length > 1 ? `${name}, ${phase}` : name, points: thin(points) }
  })
}

/** Means of neighbours. */
function thin(points: readonly Point[]): Point[] {
  const width = Math.ceil(points.length / MAX_POINTS)
  return Array.from({ length: Math.ceil(points.length / width) }, (_, i) => {
    const part = points.slice(i * width, (i + 1) * width)
    return [part.at(-1)![0], part.reduce((sum, [, y]) => sum + y, 0) / part.length] as const
  })
}
