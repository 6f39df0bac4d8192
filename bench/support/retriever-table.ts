import type { RetrieverRow } from '../retriever.ts'
import { markdownTable, writeBetween } from './results-file.ts'
import { SIZES } from './recall.ts'

/** Writes the table of recalls into docs/results.md: a row per world, meaning of good, and what searched. */
export async function retrieverTable(rows: readonly RetrieverRow[]): Promise<void> {
  const groups = new Map<string, RetrieverRow[]>()
  for (const row of rows) {
    const key = [row.world, row.good, row.by.replace(/, seed .*/, '')].join('|')
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  const lines = [...groups.values()].map((own) => {
    const { world, good, by, n, good_each: each } = own[0]!
    const at = (size: number): string =>
      own.flatMap(({ recall }) => recall[size]?.toFixed(1) ?? []).join(' / ')
    const what = `${good === 'answer' ? 'right answer' : 'reward above the mean'} (${each.toFixed(1)} each, n = ${n})`
    return [world, what, by.replace(/, seed .*/, ''), ...SIZES.map(at)]
  })
  await writeBetween(
    'retriever',
    markdownTable(['world', 'good demonstrations', 'searched by', ...SIZES.map(String)], lines),
  )
}
