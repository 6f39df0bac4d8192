import type { VqaModelStats } from './types.ts'

export function emptyStats(): VqaModelStats {
  return {
    prompts: 0,
    prefillTokens: 0,
    decodeSteps: 0,
    decoderRuns: 0,
    imageEncodes: 0,
    imageCacheHits: 0,
    nearTies: 0,
    failed: 0,
    peakKvBytes: 0,
    retries: 0,
  }
}

/** Adds counts up; the peak is the larger one. */
export function addStats(a: VqaModelStats, b: VqaModelStats): VqaModelStats {
  const sum = emptyStats()
  for (const key of Object.keys(sum) as (keyof VqaModelStats)[]) sum[key] = a[key] + b[key]
  sum.peakKvBytes = Math.max(a.peakKvBytes, b.peakKvBytes)
  return sum
}
