import type { ParameterSpec } from './types.ts'

type Initializer = ParameterSpec['initial']

/** The same value everywhere. */
export function filled(value: number): Initializer {
  return (_random, shape) => new Float32Array(count(shape)).fill(value)
}

/** Uniform in +-sqrt(6 / (in + out)) for a matrix [out, in] (Glorot and Bengio 2010). */
export function xavierUniform(): Initializer {
  return (random, shape) => uniform(random, shape, Math.sqrt(6 / (shape[0]! + shape[1]!)))
}

/** Uniform in +-1 / sqrt(inputs), PyTorch's default of a linear layer; `inputs` defaults to the last axis. */
export function linearUniform(inputs?: number): Initializer {
  return (random, shape) => uniform(random, shape, 1 / Math.sqrt(inputs ?? shape.at(-1)!))
}

/** The identity matrix plus normal noise. */
export function nearIdentity(deviation = 0.01): Initializer {
  return (random, shape) => {
    const columns = shape[1]!
    return Float32Array.from(
      { length: count(shape) },
      (_, i) => (Math.floor(i / columns) === i % columns ? 1 : 0) + deviation * random.normal(),
    )
  }
}

/** Normal with a standard deviation. */
export function normal(deviation: number): Initializer {
  return (random, shape) => Float32Array.from({ length: count(shape) }, () => deviation * random.normal())
}

function uniform(random: Parameters<Initializer>[0], shape: readonly number[], bound: number): Float32Array {
  return Float32Array.from({ length: count(shape) }, () => bound * (2 * random.next() - 1))
}

function count(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1)
}
