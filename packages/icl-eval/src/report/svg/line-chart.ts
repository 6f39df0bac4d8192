import { escapeHtml } from '../html.ts'
import { legend } from './legend.ts'
import { marker, round, seriesColour, seriesDash } from './palette.ts'
import { linearScale, tickText } from './scale.ts'
import type { Scale } from './scale.ts'

export interface ChartPoint {
  readonly x: number
  readonly y: number
  /** Ends of an interval; points that have them make a band. */
  readonly low?: number
  readonly high?: number
}

export interface ChartSeries {
  readonly name: string
  /** Number of its colour, dashes and marker; default its place in the chart. */
  readonly look?: number
  readonly points: readonly ChartPoint[]
}

export interface LineChartOptions {
  /** Read out by screen readers and shown as a heading in a file of its own. */
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly ChartSeries[]
  /** What y can be, to keep the axis within. */
  readonly yLimits?: readonly [low: number, high: number]
  /** Ticks of x at whole numbers only. Default false. */
  readonly wholeX?: boolean
  /** Draw the legend inside. Default true. */
  readonly legend?: boolean
  /** Draw a mark at every point. Default: up to 30 points. */
  readonly markers?: boolean
}

const WIDTH = 460
const HEIGHT = 300
const LEFT = 54
const RIGHT = 14
const TOP = 12
const BOTTOM = 46

/**
 * Lines over a common x, with bands where points carry intervals; a series of one point is a dotted level with its
 * interval as a bar, beside those of others at the same x. Each series is a group with `data-series`, so a page can hide it. Points that are not finite are left out.
 */
export function lineChart(options: LineChartOptions): string {
  const { title, xLabel, yLabel, series, yLimits, wholeX = false } = options
  const drawn = series.map(({ name, points, look }, i) => ({
    name,
    look: look ?? i,
    points: points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }))
  const all = drawn.flatMap(({ points }) => points)
  if (all.length === 0) return ''
  const xs = all.map(({ x }) => x)
  const ys = all.flatMap(({ y, low = y, high = y }) => [y, low, high])
  const right = WIDTH - RIGHT
  const bottom = HEIGHT - BOTTOM
  const [xMin, xMax] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))]
  const x = linearScale({ min: xMin, max: xMax, from: LEFT, to: right, integer: wholeX })
  const y = linearScale({
    min: lowest(ys, yLimits),
    max: ys.reduce((a, b) => Math.max(a, b)),
    from: bottom,
    to: TOP,
    ...(yLimits && { limits: yLimits }),
  })
  const begins =
    yLimits !== undefined && y.ticks[0]! > yLimits[0] ? ` (axis from ${tickText(y.ticks[0]!)})` : ''
  const marks = options.markers ?? drawn.every(({ points }) => points.length <= 30)
  const aside = asideOf(drawn, xMin < xMax ? [xMin, xMax] : [])
  const groups = drawn.map((one, i) => {
    const moved: Scale = { ticks: x.ticks, at: (value) => x.at(value) + aside[i]! }
    return seriesGroup(one, one.look, { x: moved, y, right, marks })
  })
  const key =
    (options.legend ?? true)
      ? legend(drawn, { left: LEFT, top: HEIGHT + 6, width: right - LEFT })
      : { svg: '', height: 0 }
  const height = HEIGHT + key.height
  return (
    `<svg class="chart" role="img" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `aria-label="${escapeHtml(title)}">` +
    axes({ x, y, right, bottom, xLabel, yLabel: yLabel + begins }) +
    `${groups.join('')}${key.svg}</svg>`
  )
}

/** Where y begins: at its lower limit, but where that would take more than half of the height. */
function lowest(ys: readonly number[], limits: readonly [number, number] | undefined): number {
  const [least, most] = [ys.reduce((a, b) => Math.min(a, b)), ys.reduce((a, b) => Math.max(a, b))]
  return limits !== undefined && least - limits[0] <= (most - limits[0]) / 2 ? limits[0] : least
}

/** Pixels between intervals of single points. */
const ASIDE = 8

/** How far each series of one point stands from its x, so that those at one x stand beside one another, within the ends. */
function asideOf(series: readonly ChartSeries[], [first, last]: readonly number[]): number[] {
  const single = ({ points }: ChartSeries): number | undefined =>
    points.length === 1 ? points[0]!.x : undefined
  return series.map((one, i) => {
    const x = single(one)
    if (x === undefined) return 0
    const place = series.slice(0, i).filter((other) => single(other) === x).length
    const count = series.filter((other) => single(other) === x).length
    return ASIDE * (x === first ? place : x === last ? place - count + 1 : place - (count - 1) / 2)
  })
}

function axes(options: {
  readonly x: Scale
  readonly y: Scale
  readonly right: number
  readonly bottom: number
  readonly xLabel: string
  readonly yLabel: string
}): string {
  const { x, y, right, bottom } = options
  const horizontal = y.ticks.map((tick) => {
    const at = round(y.at(tick))
    return (
      `<line class="grid" x1="${LEFT}" x2="${right}" y1="${at}" y2="${at}"/>` +
      `<text x="${LEFT - 7}" y="${round(y.at(tick) + 4)}" text-anchor="end">${tickText(tick)}</text>`
    )
  })
  const vertical = x.ticks.map((tick) => {
    const at = round(x.at(tick))
    return (
      `<line class="tick" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/>` +
      `<text x="${at}" y="${bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`
    )
  })
  const middle = round((TOP + bottom) / 2)
  return (
    `${horizontal.join('')}${vertical.join('')}` +
    `<line class="tick" x1="${LEFT}" x2="${right}" y1="${bottom}" y2="${bottom}"/>` +
    `<text class="label" x="${round((LEFT + right) / 2)}" y="${bottom + 38}" text-anchor="middle">${escapeHtml(options.xLabel)}</text>` +
    `<text class="label" transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${escapeHtml(options.yLabel)}</text>`
  )
}

function seriesGroup(
  { name, points }: ChartSeries,
  index: number,
  place: { readonly x: Scale; readonly y: Scale; readonly right: number; readonly marks: boolean },
): string {
  const { x, y, right, marks } = place
  const at = (px: number, py: number): string => `${round(x.at(px))},${round(y.at(py))}`
  const colour = seriesColour(index)
  const banded = points.filter(({ low, high }) => low !== undefined && high !== undefined)
  const outline = [
    ...banded.map((point) => at(point.x, point.high!)),
    ...banded.toReversed().map((point) => at(point.x, point.low!)),
  ]
  const [only] = points
  const parts = [
    banded.length > 1 ? `<polygon class="band" points="${outline.join(' ')}" fill="${colour}"/>` : '',
    points.length > 1
      ? `<polyline points="${points.map((point) => at(point.x, point.y)).join(' ')}" fill="none" stroke="${colour}" ` +
        `stroke-width="2" stroke-dasharray="${seriesDash(index)}"/>`
      : '',
    points.length === 1
      ? `<line x1="${round(x.at(only!.x))}" x2="${right}" y1="${round(y.at(only!.y))}" y2="${round(y.at(only!.y))}" ` +
        `stroke="${colour}" stroke-width="1.2" stroke-dasharray="1 4"/>`
      : '',
    points.length === 1 && banded.length === 1
      ? `<line x1="${round(x.at(only!.x))}" x2="${round(x.at(only!.x))}" y1="${round(y.at(only!.low!))}" ` +
        `y2="${round(y.at(only!.high!))}" stroke="${colour}" stroke-width="1.2" opacity=".6"/>`
      : '',
    ...points.map((point) => {
      const interval =
        point.low === undefined || point.high === undefined
          ? ''
          : ` [${tickText(point.low)}, ${tickText(point.high)}]`
      const tip = `<title>${escapeHtml(name)}: ${tickText(point.y)}${interval} at ${tickText(point.x)}</title>`
      return marks ? `<g>${marker(index, x.at(point.x), y.at(point.y))}${tip}</g>` : ''
    }),
  ]
  return `<g class="series" data-series="${escapeHtml(name)}">${parts.join('')}</g>`
}
