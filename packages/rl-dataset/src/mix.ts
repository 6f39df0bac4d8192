import type { Random } from '@lever/reward-utils'
import type { Group } from './groups.ts'

/** The groups of one file, and how often they are drawn in relation to other files. */
export interface GroupSource {
  readonly groups: readonly Group[]
  /** Default: the number of groups, so that every group is equally likely. */
  readonly weight?: number
}

/**
 * One epoch over several files, such as 2-, 3- and 4-shot data: `count` groups, each from a file drawn by weight. Within a
 * file, groups come in shuffled order and none comes twice before all came once. Without weights and with the default count
 * every group comes exactly once.
 *
 * Throws RangeError when there is no group, or a weight is negative or not finite, or all weights are 0.
 */
export function mixGroups(
  sources: readonly GroupSource[],
  random: Random,
  { count }: { readonly count?: number } = {},
): Group[] {
  const filled = sources.filter(({ groups }) => groups.length > 0)
  const total = filled.reduce((sum, { groups }) => sum + groups.length, 0)
  const weights = filled.map(({ groups, weight = groups.length }) => weight)
  const sum = weights.reduce((a, b) => a + b, 0)
  if (total === 0 || !weights.every((weight) => weight >= 0) || !(sum > 0 && sum < Infinity)) {
    throw new RangeError(
      `rl-dataset: mixGroups needs groups and weights that are not negative, not all 0; got ${total} groups and weights [${weights.join(', ')}]`,
    )
  }
  if (filled.every(({ weight }) => weight === undefined) && (count === undefined || count === total)) {
    return random.shuffle(filled.flatMap(({ groups }) => groups))
  }
  const decks: Group[][] = filled.map(() => [])
  return Array.from({ length: count ?? total }, () => {
    const s = draw(weights, sum * random.next())
    if (decks[s]!.length === 0) decks[s] = random.shuffle(filled[s]!.groups)
    return decks[s]!.pop()!
  })
}

function draw(weights: readonly number[], at: number): number {
  let left = at
  for (let s = 0; s < weights.length; s++) {
    left -= weights[s]!
    if (left < 0) return s
  }
  return weights.findLastIndex((weight) => weight > 0)
}
