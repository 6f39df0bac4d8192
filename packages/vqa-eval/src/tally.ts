import { NO_TEXT } from './annotation-table.ts'
import { roundHalfEven } from './python-text.ts'

/** A sum of accuracies, added in the order in which the official tool adds them. */
export interface Tally {
  sum: number
  n: number
}

export function createTally(): Tally {
  return { sum: 0, n: 0 }
}

export function addTo(tally: Tally, accuracy: number): void {
  tally.sum += accuracy
  tally.n++
}

/** The mean in percent, rounded as the official tool does. */
export function finishTally({ sum, n }: Tally): number {
  return roundHalfEven((100 * sum) / n)
}

export function addToGroup(groups: Map<number, Tally>, group: number, accuracy: number): void {
  let tally = groups.get(group)
  if (!tally) groups.set(group, (tally = createTally()))
  addTo(tally, accuracy)
}

/** The tallies by name, without a prototype, so that `__proto__` is a name like others. */
export function tallyRecord(
  groups: ReadonlyMap<number, Tally>,
  names: readonly string[],
  value: (tally: Tally) => number,
): Record<string, number> {
  const fields = Object.create(null) as Record<string, number>
  for (const [group, tally] of groups) if (group !== NO_TEXT) fields[names[group]!] = value(tally)
  return fields
}
