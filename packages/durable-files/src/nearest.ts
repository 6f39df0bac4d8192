/**
 * The most similar of some names, if one is similar at all: at most two edits away (a third of the length, for long
 * names), or beginning with `name`. Capitals count for nothing, as in `hardweight` for `hardWeight`.
 */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const asked = name.toLowerCase()
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const other of names) {
    const known = other.toLowerCase()
    const starts = asked.length >= 3 && known.startsWith(asked)
    const distance = starts ? Math.min(1, known.length - asked.length) : editDistance(asked, known)
    if (distance < least) [best, least] = [other, distance]
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + changed)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1)
      }
      row.push(least)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
