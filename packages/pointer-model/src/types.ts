import type { ParameterNodes, Tensor } from '@lever/onnx-grad'
import type { Random } from '@lever/reward-utils'

/**
 * Letters of shapes: B queries, N candidates of a pool, K shots, G pointers of a query (P where they
 * are any number of pointers or beams), D size of an embedding, H hidden size, M rows of a matrix.
 */

/** Settings of an architecture: plain JSON. `dim` is D, `hidden` is H. */
export interface ArchitectureConfig {
  readonly dim: number
  readonly hidden: number
  /** L: members of a fixed library with a learned number each. Absent: none. */
  readonly members?: number
}

/** Name, shape and first values of one trainable array. */
export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  /** The first values, from a random stream of the parameter's own. */
  readonly initial: (random: Random, shape: readonly number[]) => Float32Array
}

/** Several arrays that belong together, such as the state of a pointer in the making. */
export type Features = Readonly<Record<string, Tensor>>

/** Applies dropout at a named place; the identity outside training. */
export type Dropout = (x: Tensor, place: string) => Tensor

/** The trainable arrays of a model as nodes of a graph, and its settings. */
export interface Net<C extends ArchitectureConfig = ArchitectureConfig> {
  readonly config: C
  readonly parameter: ParameterNodes
}

/**
 * A pointer network. A pointer is chosen step by step: `encode` makes the state before the first
 * choice, `logits` scores every candidate, `advance` takes the chosen one in. What has been chosen
 * is masked by the caller, so an architecture need not know.
 *
 * All functions return graph nodes. P may be 1 in a state where the other operand has G: everything
 * must broadcast over that axis. B, N and P may be named dimensions.
 */
export interface Architecture<C extends ArchitectureConfig = ArchitectureConfig> {
  readonly name: string
  readonly summary: string
  /** Its place in lists, and among the architectures that a file is tried as: the lower, the earlier. */
  readonly order: number
  /**
   * Whether a pointer may end before K choices: the candidate after the last, at N, is STOP. `logits` and
   * `chosen` have N + 1 in place of N then, and the caller lets nothing but STOP follow STOP.
   */
  readonly stops?: true
  /** The query does not see its pool, so that a choice can be searched for in a whole library. */
  readonly separate?: true
  /** Every setting but `dim`. */
  readonly defaults: Omit<C, 'dim'>
  /** The trainable arrays, in the order of the checkpoint. Throws InputError if settings do not fit. */
  parameters(config: C): readonly ParameterSpec[]
  /** Settings read off the shapes of a checkpoint that does not store them; undefined when it is another architecture. */
  recognise?(shapes: ReadonlyMap<string, readonly number[]>): C | undefined
  /** What is known of a row whatever the query: rows [..., D] -> features [..., *]. Computed once per row. */
  items(net: Net<C>, rows: Tensor, dropout: Dropout): Features
  /**
   * State before the first choice, each [B, 1, *], and what the steps read of the pool, each [B, N, *].
   * @param query features of the query's row, each [B, 1, *]
   * @param pool features of the candidates' rows, each [B, N, *]
   * @param valid [B, N] bool, false where a pool is padded
   */
  encode(
    net: Net<C>,
    query: Features,
    pool: Features,
    valid: Tensor,
    dropout: Dropout,
  ): { state: Features; memory: Features }
  /** Scores of the candidates [B, P, N]. `step` is int64 [], from 0. */
  logits(net: Net<C>, state: Features, memory: Features, step: Tensor): Tensor
  /** State after a choice; `chosen` [B, P, N] holds ones. */
  advance(net: Net<C>, state: Features, memory: Features, chosen: Tensor, step: Tensor): Features
}
