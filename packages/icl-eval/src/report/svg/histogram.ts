import { escapeHtml } from '../html.ts'
import { round } from './palette.ts'
import { linearScale, tickText } from './scale.ts'

export interface HistogramOptions {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** One bar per bin, in the unit of `yLabel`. */
  readonly bars: readonly { readonly label: string; readonly value: number }[]
  /** Top of the axis, to give several histograms one scale. Default: the largest bar. */
  readonly max?: number
}

const WIDTH = 300
const HEIGHT = 190
const LEFT = 46
const BOTTOM = 42

/** Bars side by side with labelled axes. */
export function histogram({ title, xLabel, yLabel, bars, max }: HistogramOptions): string {
  if (bars.length === 0) return ''
  const bottom = HEIGHT - BOTTOM
  const top = max ?? bars.reduce((most, { value }) => Math.max(most, value), 0)
  const y = linearScale({ min: 0, max: top || 1, from: bottom, to: 10, count: 4 })
  const step = (WIDTH - LEFT - 8) / bars.length
  const ticks = y.ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - 8}" y1="${round(y.at(tick))}" y2="${round(y.at(tick))}"/>` +
      `<text x="${LEFT - 6}" y="${round(y.at(tick) + 4)}" text-anchor="end">${tickText(tick)}</text>`,
  )
  const drawn = bars.map(({ label, value }, i) => {
    const left = LEFT + i * step
    const tip = `<title>${escapeHtml(label)}: ${tickText(Number(value.toFixed(1)))}</title>`
    const text =
      i % Math.ceil(bars.length / 6) === 0
        ? `<text x="${round(left + step / 2)}" y="${bottom + 16}" text-anchor="middle">${escapeHtml(label)}</text>`
        : ''
    return (
      `<rect class="bar" x="${round(left + step * 0.1)}" y="${round(y.at(value))}" ` +
      `width="${round(step * 0.8)}" height="${round(bottom - y.at(value))}">${tip}</rect>${text}`
    )
  })
  return (
    `<svg class="chart small" role="img" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `aria-label="${escapeHtml(title)}">${ticks.join('')}${drawn.join('')}` +
    `<text class="label" x="${round((LEFT + WIDTH) / 2)}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>` +
    `<text class="label" transform="translate(11 ${round(bottom / 2)}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text></svg>`
  )
}
