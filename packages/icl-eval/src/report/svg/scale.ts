/** A linear map from data to pixels. */
export interface Scale {
  readonly ticks: readonly number[]
  at(value: number): number
}

/**
 * A scale over [min, max] widened to whole ticks of 1, 2 or 5 times a power of ten; about `count` ticks. A range
 * without width is widened by 1 (or by 1/10 of the value).
 */
export function linearScale(options: {
  readonly min: number
  readonly max: number
  readonly from: number
  readonly to: number
  readonly count?: number
  /** Only whole numbers as ticks. */
  readonly integer?: boolean
  /** What the quantity can be: ticks do not go beyond. They should be whole ticks themselves. */
  readonly limits?: readonly [low: number, high: number]
}): Scale {
  const { min, max, from, to, count = 5, integer = false, limits = [-Infinity, Infinity] } = options
  const widened = max > min ? [min, max] : [min - (Math.abs(min) / 10 || 1), max + (Math.abs(max) / 10 || 1)]
  const step = Math.max(niceStep((widened[1]! - widened[0]!) / count), integer ? 1 : 0)
  const low = Math.max(limits[0], Math.floor(widened[0]! / step + 1e-9) * step)
  const high = Math.min(limits[1], Math.ceil(widened[1]! / step - 1e-9) * step)
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) =>
    Number((low + i * step).toPrecision(12)),
  )
  return { ticks, at: (value) => from + ((value - low) / (high - low)) * (to - from) }
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9))
  return factor! * power
}

/** A tick as text, without the noise of binary fractions. */
export function tickText(value: number): string {
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-3 || size >= 1e6))
    return value.toExponential(0).replace('e+', 'e').replaceAll('-', '\u2212')
  return String(Number(value.toPrecision(6))).replace('-', '\u2212')
}
