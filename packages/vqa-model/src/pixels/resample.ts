/** Filters of image processors, by the number that `resample` has in their configuration (those of Pillow). */
export const filterNumbers = { lanczos: 1, bilinear: 2, bicubic: 3 } as const

export type Filter = keyof typeof filterNumbers

/**
 * Whose arithmetic a resized image has. Both shrink with a filter that grows with the scale, in two passes, with whole
 * numbers and 8 bits between the passes; they round their weights differently.
 */
export const resizerNames = ['pillow', 'torchvision'] as const

export type Resizer = (typeof resizerNames)[number]

interface Kernel {
  /** half the width of the filter, pixels of the larger image */
  support: number
  weight: (x: number) => number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

/** Cubic convolution with a = -1/2; https://en.wikipedia.org/wiki/Bicubic_interpolation */
function cubic(x: number): number {
  const a = -0.5
  const t = Math.abs(x)
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
}

const KERNELS: Record<Filter, Kernel> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/** Which pixels of a line make each pixel of the resized line, and how much of each. */
export interface LineWeights {
  /** most pixels that make one */
  most: number
  /** [out], the first of them */
  first: Int32Array
  /** [out], how many */
  count: Int32Array
  /** [out, most], a share of 1 is 2^precision */
  weights: Int32Array
  precision: number
}

/**
 * Weights that resize a line of `from` pixels to `to`:
 *
 *     scale = from / to,  s = max(1, scale),  centre_i = (i + 1/2) scale
 *     w_ij = f((j - centre_i + 1/2) / s) / sum_j,  over the pixels j within s support of the centre
 *
 * as Pillow (`precompute_coeffs` of src/libImaging/Resample.c) and PyTorch (`_compute_index_ranges_weights` of
 * aten/src/ATen/native/cpu/UpSampleKernel.cpp) compute them.
 */
export function lineWeights(from: number, to: number, filter: Filter, resizer: Resizer): LineWeights {
  const { support, weight } = KERNELS[filter]
  const scale = from / to
  const stretch = Math.max(1, scale)
  const reach = support * stretch
  const most = Math.ceil(reach) * 2 + 1
  const first = new Int32Array(to)
  const count = new Int32Array(to)
  const shares = new Float64Array(to * most)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale
    const start = Math.max(0, Math.trunc(centre - reach + 0.5))
    const length = Math.min(from, Math.trunc(centre + reach + 0.5)) - start
    let sum = 0
    for (let j = 0; j < length; j++) {
      const share = weight((j + start - centre + 0.5) * (1 / stretch))
      shares[i * most + j] = share
      sum += share
    }
    for (let j = 0; j < length; j++) if (sum !== 0) shares[i * most + j]! /= sum
    first[i] = start
    count[i] = length
  }
  const precision = resizer === 'pillow' ? PILLOW_PRECISION : torchPrecision(shares)
  const one = 2 ** precision
  const weights = Int32Array.from(shares, (share) => Math.trunc(share * one + (share < 0 ? -0.5 : 0.5)))
  return { most, first, count, weights, precision }
}

/** 32 bits less 8 of the pixel and 2 of room for weights above 1 and below 0. */
const PILLOW_PRECISION = 22

/** The most bits, up to 22, with which the largest weight fits into 16 bits with a sign. */
function torchPrecision(shares: Float64Array): number {
  const largest = shares.reduce((most, share) => Math.max(most, share), 0)
  let precision = 0
  while (precision < 22 && Math.trunc(0.5 + largest * 2 ** (precision + 1)) < 2 ** 15) precision += 1
  return precision
}
