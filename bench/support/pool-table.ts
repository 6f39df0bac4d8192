import type { PoolFigures } from '../pools.ts'
import { markdownTable, writeBetween } from './results-file.ts'

const SELECTORS = ['pointer-listwise', 'pool:mmr', 'pool:rices-both']

/** Writes the rows of learned and of mixed pools into docs/results.md, a column per world and selector. */
export async function poolTable(figures: readonly PoolFigures[]): Promise<void> {
  const rows = new Map<string, { method: string; size: string }>()
  for (const { method, size } of figures.flatMap(({ pools }) => pools)) {
    if (method === 'mixed' || method.startsWith('learned'))
      rows.set(`${method} ${size}`, { method, size: String(size) })
  }
  const lines = Array.from(rows.values(), ({ method, size }) => [
    method,
    size,
    ...figures.flatMap(({ pools }) => {
      const own = pools.filter((one) => one.method === method && String(one.size) === size)
      return SELECTORS.map((selector) =>
        spreadOf(own.flatMap(({ selectors }) => valuesOf(selectors, selector))),
      )
    }),
  ])
  const columns = figures.flatMap(({ world }) =>
    SELECTORS.map((selector) => `${selector.replace(/^(pointer-|pool:)/, '')}, ${world}`),
  )
  await writeBetween('pools', markdownTable(['pool', 'N', ...columns], lines))
}

/** The figures of a selector, one per seed for a policy. */
function valuesOf(selectors: Readonly<Record<string, number>>, selector: string): number[] {
  return Object.entries(selectors).flatMap(([name, value]) =>
    name === selector || name.replace(/-\d+$/, '') === selector ? [value] : [],
  )
}

/** Mean, and the lowest and highest where they differ. */
function spreadOf(values: readonly number[]): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return low === high ? mean.toFixed(1) : `${mean.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`
}
