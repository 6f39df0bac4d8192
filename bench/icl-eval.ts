import { fileURLToPath } from 'node:url'
import { bootstrapMeans, clustersOf, signFlipP, summarize } from '@lever/icl-eval'
import type { EvaluationRow } from '@lever/icl-eval'
import { createRandom } from '@lever/reward-utils'

/** Seconds are processor time of this one thread: the wall clock of a core that does nothing else. */
export interface StatisticsFigures {
  /** 10,000 resamples of 5,046 questions with 10 selectors. */
  bootstrapSeconds: number
  /** 10,000 sign flips of the differences of 9 of them to the first. */
  signFlipSeconds: number
  /** `summarize` of all: accuracies, 17 comparisons, gap, intervals. */
  summarizeSeconds: number
  peakMegabytes: number
}

const QUESTIONS = 5046
const SELECTORS = ['random', 'rices-both', 'oracle', ...Array.from({ length: 7 }, (_, i) => `pointer-${i}`)]

/** Target: the bootstrap under 5 s on one core, memory under 200 MB. */
export function run(): StatisticsFigures {
  const random = createRandom(1, 'bench')
  const images = Array.from({ length: QUESTIONS }, () => random.int(2500))
  const columns = SELECTORS.map(() => Float64Array.from({ length: QUESTIONS }, () => random.int(4) / 3))
  const clusters = clustersOf(images.map((_, i) => i))
  const bootstrapSeconds = seconds(() => bootstrapMeans({ columns, clusters, random: createRandom(2) }))
  const differences = columns.slice(1).map((column) => column.map((value, i) => value - columns[0]![i]!))
  const signFlipSeconds = seconds(() =>
    signFlipP({ columns: differences, clusters, random: createRandom(3) }),
  )
  const rows = SELECTORS.flatMap((selector, s) =>
    images.map((image, query): EvaluationRow => {
      const accuracy = columns[s]![query]!
      return {
        query,
        image,
        selector,
        shots: 2,
        seed: null,
        demonstrations: [],
        answer: '',
        accuracy,
        mode: 'file',
      }
    }),
  )
  const summarizeSeconds = seconds(() => summarize(rows))
  const peakMegabytes = process.resourceUsage().maxRSS / 1024
  return { bootstrapSeconds, signFlipSeconds, summarizeSeconds, peakMegabytes }
}

function seconds(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(run())
