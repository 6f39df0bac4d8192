import type { Random } from '@lever/reward-utils'
import { countSequences, pointerKey } from './sequences.ts'
import { plainProposal, type ProposalContext, type ProposalMethod, type ProposalQuery } from './types.ts'

export interface RetrievalOptions {
  /** Pointers per query. */
  count: number
  /** How many of the most similar examples of each kind are drawn from. Default 10. */
  top?: number
}

/**
 * Pointers of similar examples. The first half is fixed: the most similar of the first kind of
 * similarity, examples of two kinds in turn (image then text: pairs that complement each other),
 * the most similar of the other kinds, all in both orders. The rest are sequences whose every
 * place is drawn from the `top` most similar of a kind drawn for that place.
 */
export const retrieval: ProposalMethod<RetrievalOptions> = {
  needs: ['similarities'],
  optionNames: { count: true, top: true },
  propose(context, { count, top = 10 }) {
    return context.queries.map((query) => {
      const rankings = rank(context, query)
      const found = new Map<string, readonly number[]>()
      const add = (pointer: readonly number[], most: number): void => {
        if (pointer.length === context.shots && found.size < most) found.set(pointerKey(pointer), pointer)
      }
      for (const pointer of bestSequences(rankings, context.shots)) add(pointer, Math.ceil(count / 2))
      const near = rankings.map((ranking) => ranking.slice(0, Math.max(top, context.shots)))
      const stream = context.random(query)
      const limit = Math.min(count, countSequences(new Set(near.flat()).size, context.shots))
      for (let tries = 0; found.size < limit && tries < 50 * count; tries++) {
        add(drawPlaces(stream, near, context.shots), count)
      }
      return [...found.values()].map((pointer) => plainProposal('retrieval', pointer))
    })
  },
}

/** Positions by similarity, most similar first, ties by position; one list per kind. */
function rank({ similarities }: ProposalContext, { queryId, poolIds }: ProposalQuery): number[][] {
  return Object.values(similarities).map((similarity) => {
    const scores = similarity(queryId, poolIds)
    return poolIds.map((_, position) => position).sort((a, b) => scores[b]! - scores[a]! || a - b)
  })
}

function bestSequences(rankings: readonly number[][], shots: number): number[][] {
  const alone = rankings.map((ranking) => ranking.slice(0, shots))
  const turns = rankings.flatMap((a, i) => rankings.slice(i + 1).map((b) => alternate(a, b, shots))).reverse()
  const [best = [], ...others] = alone
  return [best, ...turns, ...others].flatMap((pointer) => [pointer, pointer.toReversed()])
}

function alternate(a: readonly number[], b: readonly number[], shots: number): number[] {
  const chosen = new Set<number>()
  for (let i = 0; chosen.size < shots && i < a.length; i++) {
    chosen.add(a[i]!)
    if (chosen.size < shots) chosen.add(b.find((position) => !chosen.has(position)) ?? a[i]!)
  }
  return [...chosen]
}

function drawPlaces(random: Random, near: readonly number[][], shots: number): number[] {
  const pointer: number[] = []
  while (pointer.length < shots) {
    const ranking = near[random.int(near.length)]!
    const free = ranking.filter((position) => !pointer.includes(position))
    if (free.length > 0) pointer.push(free[random.int(free.length)]!)
  }
  return pointer
}
