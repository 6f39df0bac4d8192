import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

/** Learning rate of a step (from 0). */
export type Schedule = (step: number) => number

/** The same rate at every step. */
export function constantRate(rate: number): Schedule {
  return () => rate
}

/** A learning rate that rises linearly and then falls along half a cosine. */
export interface CosineOptions {
  /** Highest rate, reached after the warm-up. */
  rate: number
  /** Steps of the whole run. */
  steps: number
  /** Steps of linear growth from rate / warmup (default 0). */
  warmup?: number
  /** Share of `rate` at the end (default 0). */
  floor?: number
}

export const COSINE_OPTIONS: OptionNames<CosineOptions> = {
  rate: true,
  steps: true,
  warmup: true,
  floor: true,
}

/** Linear warm-up, then half a cosine from `rate` to `floor * rate` (Loshchilov and Hutter 2017). */
export function cosineRate(options: CosineOptions): Schedule {
  refuseUnknownOptions(options, COSINE_OPTIONS, 'onnx-grad: cosineRate')
  const { rate, steps, warmup = 0, floor = 0 } = options
  return (step) => {
    if (step < warmup) return (rate * (step + 1)) / warmup
    const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup))
    return rate * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress)))
  }
}

/** From `start` to `end` on a straight line over the steps; `end` from the last step on. */
export function linearRate({ start, end, steps }: { start: number; end: number; steps: number }): Schedule {
  return (step) => (steps <= 1 ? end : start + (end - start) * Math.min(1, Math.max(0, step / (steps - 1))))
}
