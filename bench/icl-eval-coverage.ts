import { fileURLToPath } from 'node:url'
import { bootstrapMeans, clusteredMean, clustersOf, percentileInterval, signFlipP } from '@lever/icl-eval'
import { createRandom } from '@lever/reward-utils'

export interface CoverageFigures {
  datasets: number
  questions: number
  images: number
  /** Share of 95 % bootstrap intervals of an accuracy that hold the true one. */
  accuracy: number
  /** The same for the paired difference of two selectors with a true effect of 5 points. */
  difference: number
  /** The same for t intervals of the clustered mean. */
  clusteredMean: number
  /** The same for a bootstrap that takes questions as independent: too narrow. */
  unclustered: number
  /** Share of sign-flip p below 0.05 where there is no effect. */
  falsePositives: number
}

const ORDINARY = 0.4
const EFFECT = 0.05

/**
 * Simulates data sets whose truth is known, 2 questions an image on average and correlated within it, and counts how
 * often the intervals hold it. Target: 93 to 97 %.
 */
export function run({
  datasets = 1000,
  questions = 300,
  images = 150,
  resamples = 1000,
} = {}): CoverageFigures {
  let [accuracy, difference, mean, unclustered, falsePositives] = [0, 0, 0, 0, 0]
  for (let d = 0; d < datasets; d++) {
    const random = createRandom(d, 'coverage')
    const image = Array.from({ length: questions }, () => random.int(images))
    const hardness = Array.from({ length: images }, () => random.next())
    const draw = (rate: number): Float64Array =>
      Float64Array.from(image, (i) => ((random.next() < 0.5 ? hardness[i]! : random.next()) < rate ? 1 : 0))
    const [base, better, same] = [draw(ORDINARY), draw(ORDINARY + EFFECT), draw(ORDINARY)]
    const clusters = clustersOf(image)
    const holds = ([low, high]: readonly [number, number], truth: number): number =>
      low <= truth && truth <= high ? 1 : 0
    const { samples } = bootstrapMeans({ columns: [base, better], clusters, random, resamples })
    accuracy += holds(percentileInterval(samples[0]!), ORDINARY)
    difference += holds(percentileInterval(samples[1]!.map((value, r) => value - samples[0]![r]!)), EFFECT)
    mean += holds(clusteredMean(base, clusters).interval, ORDINARY)
    const alone = clustersOf(image.map((_, i) => i))
    const naive = bootstrapMeans({ columns: [base], clusters: alone, random, resamples })
    unclustered += holds(percentileInterval(naive.samples[0]!), ORDINARY)
    const nothing = same.map((value, i) => value - base[i]!)
    falsePositives += signFlipP({ columns: [nothing], clusters, random, resamples })[0]! < 0.05 ? 1 : 0
  }
  const share = (count: number): number => count / datasets
  return {
    datasets,
    questions,
    images,
    accuracy: share(accuracy),
    difference: share(difference),
    clusteredMean: share(mean),
    unclustered: share(unclustered),
    falsePositives: share(falsePositives),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(run())
