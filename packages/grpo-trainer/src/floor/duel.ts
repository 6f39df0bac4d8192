import type { Compared, Selection } from '@lever/pointer-model'
import { deviation, mean } from '../numbers.ts'

/** A way to choose, and what it is worth on queries, by their ids. */
export interface Contender {
  readonly name: string
  readonly by: Selection['by']
  /** Ways of one family are equally simple: of them the better mean wins. */
  readonly family?: string
  readonly values: ReadonlyMap<number, number>
  /** Is it chance, or one of several that were tried, which has to be better than chance by two standard errors? */
  readonly kind?: 'chance' | 'tried'
}

/**
 * Fewer common queries than this tell nothing. The trained policy is the best of many epochs, and a mixture that of several
 * weights, on the very queries that they are judged on, so few of them say less.
 */
function leastQueries(by: Selection['by']): number {
  return by === 'policy' || by === 'mixture' ? 20 : 5
}

/**
 * The winner among ways to choose, the one that nobody has to be convinced of first: each takes the place of what stood so
 * far where it is better by more than one standard error of the paired differences on the queries of
 * both; retrieval by more than two where chance stood, since several are tried, and on real data they may be worse than
 * chance. So ties go to the earlier one (the one-standard-error rule; Breiman et al. 1984).
 */
export function duel<C extends Contender>(contenders: readonly C[]): C {
  return contenders.reduce((best, next) => {
    const { difference, error, queries } = paired(next, best)
    const bar =
      next.family !== undefined && next.family === best.family
        ? 0
        : (best.kind === 'chance' && next.kind === 'tried' ? 2 : 1) * error
    return queries >= leastQueries(next.by) && difference > bar ? next : best
  })
}

/** Mean paired difference a - b, its standard error, and the number of queries of both. */
export function paired(a: Contender, b: Contender): NonNullable<Compared['minusWinner']> {
  const differences = Array.from(a.values).flatMap(([id, value]) => {
    const other = b.values.get(id)
    return other === undefined ? [] : [value - other]
  })
  const queries = differences.length
  const error = queries < 2 ? Infinity : deviation(differences) / Math.sqrt(queries - 1)
  return { difference: mean(differences), error, queries }
}

/** The comparison in numbers that a file can hold. */
export function comparedWith(contenders: readonly Contender[], winner: Contender): Compared[] {
  const short = (value: number): number => Number(value.toPrecision(6))
  return contenders.map((one) => {
    const { difference, error, queries } = paired(one, winner)
    return {
      name: one.name,
      by: one.by,
      value: short(mean([...one.values.values()])),
      queries: one.values.size,
      ...(one !== winner &&
        queries >= 2 && { minusWinner: { difference: short(difference), error: short(error), queries } }),
    }
  })
}
