import { InputError } from '@lever/durable-files'
import type { Proposal } from '../proposals/types.ts'
import { pointerKey } from '../proposals/sequences.ts'
import type { Example } from '../types.ts'
import { measurementKey } from './key.ts'
import type { Ledger } from './ledger.ts'
import type { Placed } from './order.ts'
import { isPending, outcomeLine, shotOf, type OutcomeFields } from './outcome-line.ts'
import type { MeasurePlan, ExamplePrompt } from './types.ts'

/** A query being measured. */
export interface QueryWork {
  readonly example: Example
  readonly place: number
  round: number
  /** Rank of its first pointer: larger than 0 when pointers of an earlier plan are there. */
  firstRank: number
  /** Pointers proposed so far, as pool positions. */
  readonly pointers: number[][]
  /** Pointers that have no line yet. */
  open: number
  /** Lowest and highest accuracy of the pointers proposed, for `untilInformative`. */
  low: number
  high: number
  /** Answered prefixes by key. */
  readonly prefixes: Map<string, OutcomeFields>
}

/** A pointer that becomes a line when all its prompts are answered. */
interface Wanted {
  readonly key: string
  readonly query: QueryWork
  readonly ids: readonly number[]
  readonly rank: number
  readonly proposal: Proposal
  /** k -> key of the prompt with the first k demonstrations. */
  readonly shots: readonly (readonly [k: number, key: string])[]
  left: number
}

/** A prompt to ask. */
export interface Unit extends Placed {
  readonly key: string
  readonly query: QueryWork
  readonly prompt: ExamplePrompt
  readonly waiting: Wanted[]
  /** It was measured before: the answer is only compared with the line. */
  readonly repeats: boolean
}

export interface WorkContext {
  readonly ledger: Ledger
  readonly protocolHash: string
  readonly shots: number
  /** k of the prefixes to measure, ascending. */
  readonly prefixes: readonly number[]
  readonly recheck: number
  /** Are rewards of known outcomes needed? */
  readonly accuracies: boolean
  /** @throws InputError for an id that is not a candidate */
  readonly example: (id: number, queryId: number) => Example
  readonly place: (id: number) => number
}

export function startQuery(example: Example, place: number): QueryWork {
  return {
    example,
    place,
    round: 0,
    firstRank: 0,
    pointers: [],
    open: 0,
    low: Infinity,
    high: -Infinity,
    prefixes: new Map(),
  }
}

/** Adds a plan to a query and returns the prompts to ask for it. */
export function planUnits(
  context: WorkContext,
  query: QueryWork,
  { poolIds, proposals }: MeasurePlan,
): Unit[] {
  const { ledger, shots } = context
  const units = new Map<string, Unit>()
  const seen = new Set(query.pointers.map(pointerKey))
  for (const proposal of proposals) {
    const ids = idsOf(proposal, poolIds, query.example.id, shots)
    if (seen.has(pointerKey(proposal.pointer))) continue
    seen.add(pointerKey(proposal.pointer))
    const rank = query.firstRank + query.pointers.push([...proposal.pointer]) - 1
    const demonstrations = ids.map((id) => context.example(id, query.example.id))
    const key = keyOf(context, query, demonstrations)
    if (ledger.has(key)) {
      useKnown(context, query, demonstrations, key)
      if (picked(key, context.recheck)) addUnit(context, units, query, demonstrations, key, true)
      continue
    }
    const prefixKeys = context.prefixes.map(
      (k) => [k, k === shots ? key : keyOf(context, query, demonstrations.slice(0, k))] as const,
    )
    const wanted: Wanted = { key, query, ids, rank, proposal, shots: prefixKeys, left: 0 }
    const need = new Map([...prefixKeys, [shots, key] as const])
    for (const [k, promptKey] of need) {
      if (query.prefixes.has(promptKey)) continue
      addUnit(context, units, query, demonstrations.slice(0, k), promptKey, false).waiting.push(wanted)
      wanted.left += 1
    }
    query.open += 1
  }
  return [...units.values()]
}

/** How many different pointers of a plan have no outcome. */
export function countNew(
  context: WorkContext,
  query: QueryWork,
  { poolIds, proposals }: MeasurePlan,
): number {
  const keys = proposals.map((proposal) => {
    const ids = idsOf(proposal, poolIds, query.example.id, context.shots)
    return keyOf(
      context,
      query,
      ids.map((id) => context.example(id, query.example.id)),
    )
  })
  return [...new Set(keys)].filter((key) => !context.ledger.has(key)).length
}

/**
 * Takes the outcome of a prompt and writes the lines that were waiting for it alone. True when
 * that was the last line of its query.
 */
export async function settleUnit(
  { ledger, prefixes }: WorkContext,
  unit: Unit,
  outcome: OutcomeFields,
): Promise<boolean> {
  const { query } = unit
  let last = false
  if (prefixes.length > 0) query.prefixes.set(unit.key, outcome)
  for (const wanted of unit.waiting) {
    wanted.left -= 1
    if (wanted.left > 0) continue
    const own = wanted.key === unit.key ? outcome : query.prefixes.get(wanted.key)!
    const parts = wanted.shots.map(
      ([k, key]) => [k, key === unit.key ? outcome : query.prefixes.get(key)!] as const,
    )
    const lacking = [own, ...parts.map(([, part]) => part)].find(isPending)
    const shots = lacking === undefined ? parts.map(([k, part]) => shotOf(k, part)) : []
    const line = outcomeLine(
      query.example.id,
      wanted.ids,
      wanted.rank,
      wanted.proposal,
      lacking ?? own,
      shots,
    )
    if (lacking === undefined) await ledger.record(wanted.key, line)
    else await ledger.recordFailure(wanted.key, line)
    noteReward(query, line)
    query.open -= 1
    last = query.open === 0
  }
  return last
}

/** Are all rewards so far equal: accuracies, or expected accuracies where nothing is decoded? */
export function isFlat({ low, high }: QueryWork): boolean {
  return !(low < high)
}

function useKnown(
  context: WorkContext,
  query: QueryWork,
  demonstrations: readonly Example[],
  key: string,
): void {
  if (!context.accuracies && context.prefixes.length === 0) return
  const line = context.ledger.get(key)
  noteReward(query, line)
  for (const { k, ...shot } of line.shots ?? []) {
    query.prefixes.set(keyOf(context, query, demonstrations.slice(0, k)), shot)
  }
}

function noteReward(query: QueryWork, { vqa_acc_score, vqa_gt_prob }: OutcomeFields): void {
  const reward = vqa_acc_score ?? vqa_gt_prob
  if (typeof reward !== 'number') return
  query.low = Math.min(query.low, reward)
  query.high = Math.max(query.high, reward)
}

function addUnit(
  context: WorkContext,
  units: Map<string, Unit>,
  query: QueryWork,
  demonstrations: readonly Example[],
  key: string,
  repeats: boolean,
): Unit {
  const found = units.get(key)
  if (found !== undefined) return found
  const places = [...demonstrations.map(({ id }) => context.place(id)), query.place]
  const unit = { key, query, prompt: { demonstrations, query: query.example }, places, waiting: [], repeats }
  units.set(key, unit)
  return unit
}

function keyOf({ protocolHash }: WorkContext, query: QueryWork, demonstrations: readonly Example[]): string {
  return measurementKey(protocolHash, query.example, demonstrations)
}

function picked(key: string, share: number): boolean {
  return share > 0 && Number.parseInt(key.slice(0, 8), 16) < share * 2 ** 32
}

function idsOf(
  { pointer, method }: Proposal,
  poolIds: readonly number[],
  queryId: number,
  shots: number,
): number[] {
  const ids = pointer.map((position) => poolIds[position])
  if (ids.length === shots && !ids.includes(undefined) && new Set(ids).size === shots) return ids as number[]
  throw new InputError(
    `rl-generate: pointer [${pointer.join(', ')}] of query ${queryId} (${method}) is not K=${shots} distinct positions in its pool of N=${poolIds.length}`,
  )
}
