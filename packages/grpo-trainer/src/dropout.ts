import { createRandom } from '@lever/reward-utils'

/**
 * Fills a mask with ones and, with probability `rate` (in steps of 2^-16), zeros. The numbers depend
 * on the seed and the path only, so a step has the same mask whenever it is made. The sign of
 * (number - threshold) is the choice: a branch would be mispredicted half of the time.
 */
export function fillMask(
  mask: Uint8Array,
  rate: number,
  seed: number | string,
  ...path: readonly (number | string)[]
): void {
  const threshold = Math.round(rate * 65536)
  let [a, b, c, d] = createRandom(seed, 'dropout', ...path).state() as [number, number, number, number]
  for (let i = 0; i < mask.length; i += 2) {
    const scaled = Math.imul(b, 5)
    const word = Math.imul((scaled << 7) | (scaled >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    mask[i] = 1 + (((word >>> 16) - threshold) >> 31)
    if (i + 1 < mask.length) mask[i + 1] = 1 + (((word & 0xffff) - threshold) >> 31)
  }
}

/** What kept features are multiplied by, so that their mean stays: 1 / (1 - rate), for the rate that `fillMask` uses. */
export function keepScale(rate: number): number {
  return 1 / (1 - Math.round(rate * 65536) / 65536)
}
