import {
  add,
  cast,
  concat,
  expandDims,
  greaterOrEqual,
  logSoftmax,
  mul,
  oneHot,
  reshape,
  scalar,
  slice,
  sub,
  sum,
  where,
} from '@lever/onnx-grad'
import type { DType, Tensor } from '@lever/onnx-grad'
import { PADDED } from './layers.ts'
import type { Architecture, ArchitectureConfig, Dropout, Features, Net } from './types.ts'

/** Logit of a candidate that was chosen before, as in the original. */
export const CHOSEN = -100

/** An architecture with its arrays and settings. */
export interface BoundNet<C extends ArchitectureConfig = ArchitectureConfig> extends Net<C> {
  readonly architecture: Architecture<C>
}

/** Pointers in the making. */
export interface PointerState {
  /** State of the architecture, each [B, P, *]. */
  readonly state: Features
  /** What the steps read of the pool, each [B, N, *]. */
  readonly memory: Features
  /** [B, P, N] (N + 1 with STOP), 1 where a candidate may not be chosen: padding, chosen already, or after STOP. */
  readonly blocked: Tensor
  /** [B, 1, N] (N + 1), the logit of a blocked candidate. */
  readonly penalty: Tensor
  /** [B, 1, N + 1], 1 at STOP, where there is one. */
  readonly stop?: Tensor
}

/** Dropout that leaves everything as it is, for decoding and log-probabilities. */
export const noDropout: Dropout = (x) => x

/**
 * State before the first choice of every query.
 * @param query features [B, 1, *], pool features [B, N, *] as `items` gives them
 * @param valid [B, N] bool
 */
export function beginPointers(
  net: BoundNet,
  query: Features,
  pool: Features,
  valid: Tensor,
  dropout: Dropout = noDropout,
): PointerState {
  const { state, memory } = net.architecture.encode(net, query, pool, valid, dropout)
  const mask = expandDims(valid, 1)
  const { dtype } = Object.values(state)[0]!
  const penalty = where(mask, scalar(CHOSEN, dtype), PADDED)
  const blocked = sub(1, cast(mask, dtype))
  if (net.architecture.stops !== true) return { state, memory, blocked, penalty }
  const zero = mul(slice(blocked, 2, 0, 1), 0)
  const withStop = (x: Tensor, last: Tensor): Tensor => concat([x, last], 2)
  return {
    state,
    memory,
    blocked: withStop(blocked, zero),
    penalty: withStop(penalty, zero),
    stop: withStop(mul(blocked, 0), add(zero, 1)),
  }
}

/** Logits [B, P, N] (N + 1 with STOP) of the next choice; -100 for a candidate chosen before, -1e9 for padding. */
export function pointerLogits(net: BoundNet, pointers: PointerState, step: Tensor): Tensor {
  const { state, memory, blocked, penalty } = pointers
  const free = net.architecture.logits(net, state, memory, step)
  return where(greaterOrEqual(blocked, 0.5), penalty, free)
}

/** State after a choice; `chosen` [B, P, N] (N + 1 with STOP) holds ones. */
export function choose(net: BoundNet, pointers: PointerState, chosen: Tensor, step: Tensor): PointerState {
  const { state, memory, blocked, stop } = pointers
  const next = net.architecture.advance(net, state, memory, chosen, step)
  const closed = stop === undefined ? chosen : closedBy(chosen, stop)
  return { ...pointers, state: next, blocked: add(blocked, closed) }
}

/** What a choice closes: the chosen candidate, or every candidate when it is STOP. */
function closedBy(chosen: Tensor, stop: Tensor): Tensor {
  const stopped = sum(mul(chosen, stop), { axes: [-1], keepDims: true })
  return mul(add(chosen, stopped), sub(1, stop))
}

/** Choices [B, G] as one-hot rows; with STOP, a position below 0 is STOP. */
function oneHotChoice({ architecture }: BoundNet, positions: Tensor, size: number, dtype: DType): Tensor {
  const hot = oneHot(positions, size, dtype)
  if (architecture.stops !== true) return hot
  return concat([hot, sub(1, sum(hot, { axes: [-1], keepDims: true }))], -1)
}

/** What the pointers of a batch are scored on. */
export interface SequenceInputs {
  /** Embeddings of the queries [B, D]. */
  readonly query: Tensor
  /** Embeddings of their pools [B, N, D]. */
  readonly candidates: Tensor
  /** [B, N] bool, false where a pool is padded. */
  readonly valid: Tensor
  /**
   * Positions in the pool [B, G, K], int32 or int64. -1 fills the places after the end of a pointer shorter
   * than K: the first is the choice of STOP where there is one, the others have probability 1.
   */
  readonly pointers: Tensor
  readonly dropout?: Dropout
}

/** Teacher forcing, step by step. P is G, or 1 where all pointers of a query agree; N is N + 1 with STOP. */
export interface SequenceLogits {
  /** [B, P, N] each. */
  readonly logits: readonly Tensor[]
  /** [B, G, N] each, one-hot. */
  readonly chosen: readonly Tensor[]
  /** [B, P, N] each, 1 where a candidate could not be chosen. */
  readonly blocked: readonly Tensor[]
}

/**
 * Scores G pointers of each query under teacher forcing. The pool is encoded once a query, and the
 * same `pointerLogits` and `choose` that decoding uses are unrolled over K steps.
 */
export function sequenceLogits(net: BoundNet, inputs: SequenceInputs): SequenceLogits {
  const { query, candidates, valid, pointers, dropout = noDropout } = inputs
  const [batch, group, shots] = pointers.shape as readonly [number, number, number]
  const { architecture } = net
  const queryItems = architecture.items(net, expandDims(query, 1), noDropout)
  const poolItems = architecture.items(net, candidates, dropout)
  let state = beginPointers(net, queryItems, poolItems, valid, dropout)
  const size = valid.shape[1] as number
  const logits: Tensor[] = []
  const chosen: Tensor[] = []
  const blocked: Tensor[] = []
  for (let t = 0; t < shots; t++) {
    const step = scalar(t, 'int64')
    const positions = reshape(slice(pointers, 2, t, t + 1), [batch, group])
    const choice = oneHotChoice(net, positions, size, query.dtype)
    logits.push(pointerLogits(net, state, step))
    chosen.push(choice)
    blocked.push(state.blocked)
    if (t + 1 < shots) state = choose(net, state, choice, step)
  }
  return { logits, chosen, blocked }
}

/** Log-probability of every choice [B, G, K], from `sequenceLogits`. */
export function stepLogProbs({ logits, chosen }: Pick<SequenceLogits, 'logits' | 'chosen'>): Tensor {
  const steps = logits.map((scores, t) =>
    sum(mul(logSoftmax(scores), chosen[t]!), { axes: [-1], keepDims: true }),
  )
  return concat(steps, -1)
}
