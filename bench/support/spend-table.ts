import type { SpendRow } from '../spend.ts'

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const one = (value: number): string => (Math.abs(value) < 0.05 ? '0.0' : value.toFixed(1))
const signed = (value: number): string => (value < 0.05 ? one(value) : `+${one(value)}`)

/** The first scheme is what the others are compared with. */
const USUAL = 'uniform, 24 a question'

/**
 * The rows in Markdown, a table for each task and budget. A difference is that of the means over seeds, paired by test
 * question, with a 95 % interval that takes both for random: its variance is that of the questions (of the difference
 * averaged over seeds) plus that of the seeds (of the difference averaged over questions).
 */
export function spendTable(rows: readonly SpendRow[]): string {
  const places = [...new Set(rows.map(({ task, budget }) => `${task}, ${budget} prompts`))]
  return places
    .map((place) => {
      const own = rows.filter(({ task, budget }) => `${task}, ${budget} prompts` === place)
      const schemes = [...new Set(own.map(({ scheme }) => scheme))]
      const usual = own.filter(({ scheme }) => scheme === USUAL)
      const lines = schemes.map((scheme) => {
        const same = own.filter((row) => row.scheme === scheme).sort((a, b) => a.seed - b.seed)
        const cell = (of: 'delivered' | 'alone'): string =>
          same.map((row) => one(100 * mean(row[of]))).join(' / ')
        const gain = (of: 'delivered' | 'alone'): string => (scheme === USUAL ? '' : minus(same, usual, of))
        return `| ${scheme} | ${cell('alone')} | ${gain('alone')} | ${cell('delivered')} | ${gain('delivered')} |`
      })
      return [
        `| ${place} | policy alone | minus the first | delivered | minus the first |`,
        '| --- | --- | --- | --- | --- |',
        ...lines,
        '',
      ].join('\n')
    })
    .join('\n')
}

function minus(a: readonly SpendRow[], b: readonly SpendRow[], of: 'delivered' | 'alone'): string {
  const pairs = a.flatMap((row) => {
    const other = b.find(({ seed }) => seed === row.seed)
    return other === undefined ? [] : [row[of].map((value, i) => 100 * (value - other[of][i]!))]
  })
  if (pairs.length === 0) return ''
  const byQuestion = pairs[0]!.map((_, i) => mean(pairs.map((values) => values[i]!)))
  const bySeed = pairs.map(mean)
  const variance = varianceOfMean(byQuestion) + (bySeed.length > 1 ? varianceOfMean(bySeed) : 0)
  const half = 1.96 * Math.sqrt(variance)
  const middle = mean(bySeed)
  return `${signed(middle)} [${one(middle - half)}, ${one(middle + half)}]`
}

function varianceOfMean(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (values.length - 1) / values.length
}
