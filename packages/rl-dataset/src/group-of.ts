import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { normalizeGroup } from '@lever/reward-utils'
import type { Group } from './groups.ts'

/** What was measured for one query, in arrays of one's own. N candidates, G pointers, K shots. */
export interface GroupArrays {
  /** Row of the query in the embeddings. */
  readonly queryRow: number
  /** [N] rows of the candidates in the embeddings, all different. */
  readonly poolRows: ArrayLike<number>
  /** [G] what each pointer earned. */
  readonly rewards: ArrayLike<number>
  /**
   * [G] pointers, each K different positions 0..N-1 in `poolRows`, in prompt order. Default every candidate alone: K = 1 and
   * G = N.
   */
  readonly pointers?: readonly ArrayLike<number>[]
  /** Default `queryRow`. */
  readonly queryId?: number
  /** Queries about one image stay on one side of a split. Default the id of the query. */
  readonly imageId?: number | string
}

const GROUP_ARRAYS: OptionNames<GroupArrays> = {
  ...{ queryRow: true, poolRows: true, rewards: true, pointers: true, queryId: true, imageId: true },
}

/**
 * A group for training, of arrays: rows stand for ids, and the rewards are normalised by z scores, as `buildGroups` does.
 *
 * @throws InputError if the numbers of pointers and rewards differ, a pointer is not K different positions in the pool, a
 * row stands twice in the pool, or a reward is not finite
 */
export function groupOf(given: GroupArrays): Group {
  refuseUnknownOptions(given, GROUP_ARRAYS, 'rl-dataset: groupOf')
  const { queryRow, queryId = queryRow, imageId = queryId } = given
  const poolRows = Int32Array.from(given.poolRows)
  const rawRewards = Float64Array.from(given.rewards)
  const pointers = given.pointers ?? Array.from(poolRows, (_, position) => [position])
  const wrong = (what: string): InputError => new InputError(`rl-dataset: groupOf: query ${queryId}: ${what}`)
  if (pointers.length !== rawRewards.length || pointers.length === 0) {
    throw wrong(`${pointers.length} pointers and ${rawRewards.length} rewards; give one reward for each`)
  }
  if (new Set(poolRows).size < poolRows.length) throw wrong('a row stands twice in its pool; give each once')
  const at = rawRewards.findIndex((reward) => !Number.isFinite(reward))
  if (at !== -1) throw wrong(`the reward of pointer ${at} is ${rawRewards[at]}; give a finite number`)
  const shots = pointers[0]!.length
  const isPosition = (position: number): boolean =>
    Number.isInteger(position) && position >= 0 && position < poolRows.length
  for (const [i, pointer] of pointers.entries()) {
    const positions = Array.from(pointer)
    if (positions.length === shots && new Set(positions).size === shots && positions.every(isPosition))
      continue
    throw wrong(
      `pointer ${i} is [${positions.join(', ')}]; give ${shots} different positions from 0 to ${poolRows.length - 1}`,
    )
  }
  return {
    ...{ queryId, imageId, queryRow, poolIds: Array.from(poolRows), poolRows },
    pointers: Int32Array.from(pointers.flatMap((pointer) => Array.from(pointer))),
    size: pointers.length,
    shots,
    rewards: normalizeGroup(rawRewards).values,
    rawRewards,
    logProbs: null,
    methods: pointers.map(() => 'unknown'),
  }
}
