import { InputError } from '@lever/durable-files'
import { add, cast, concat, gather, mul, slice, transposeLast } from '@lever/onnx-grad'
import type { Parameters, Tensor } from '@lever/onnx-grad'
import { filled } from './initializers.ts'
import type { Architecture, ArchitectureConfig, Features } from './types.ts'

/** The members of a fixed library that have a learned number each. */
export interface Members {
  /** [L] */
  readonly ids: readonly number[]
  /** [L] measured pointers that showed the member when the policy was trained. */
  readonly counts: readonly number[]
}

/** Measurements that count as much as the prior that a member is like all others. */
export const MEMBER_PRIOR = 12

/** Columns of a row after the embedding: the number of the member (0 for a newcomer, else 1..L), and its shrinkage. */
export const EXTRA = 2

const BIAS = 'member.bias'

/** Size of the rows that the graphs read: D, and with members two columns more. */
export function rowWidth({ dim, members }: ArchitectureConfig): number {
  return members === undefined ? dim : dim + EXTRA
}

/**
 * An architecture with one learned number b per member of a library, where `members` (L) is among the settings: the
 * logit of candidate c gains b(c) n(c) / (n(c) + 12), n(c) how often it was measured, for every query and at every step
 * alike; a newcomer gains 0. Without `members` nothing changes.
 */
export function withMembers<C extends ArchitectureConfig>(base: Architecture<C>): Architecture<C> {
  return {
    ...base,
    parameters(config) {
      const { members } = config
      if (members === undefined) return base.parameters(config)
      return [...base.parameters(config), { name: BIAS, shape: [members + 1], initial: filled(0) }]
    },
    items(net, rows, dropout) {
      const { dim, members } = net.config
      if (members === undefined) return base.items(net, rows, dropout)
      const column = (from: number, to: number): Tensor => slice(rows, -1, from, to)
      const number = cast(column(dim, dim + 1), 'int32')
      const learned = gather(net.parameter(BIAS), number)
      const bias = mul(learned, column(dim + 1, dim + 2))
      return { ...base.items(net, column(0, dim), dropout), bias }
    },
    encode(net, query, pool, valid, dropout) {
      const encoded = base.encode(net, query, pool, valid, dropout)
      const { bias } = pool
      return bias === undefined ? encoded : { ...encoded, memory: { ...encoded.memory, bias } }
    },
    logits(net, state, memory, step) {
      const scores = base.logits(net, state, memory, step)
      const { bias } = memory
      return bias === undefined ? scores : add(scores, biasOf(base, bias))
    },
  }
}

/** [B, 1, N] of a column [B, N, 1]; with STOP, which has none, [B, 1, N + 1]. */
function biasOf({ stops }: Pick<Architecture, 'stops'>, bias: NonNullable<Features[string]>): Tensor {
  const row = transposeLast(bias)
  return stops === true ? concat([row, mul(slice(row, -1, 0, 1), 0)], -1) : row
}

/** Fills the columns after the embedding of a row, which begins at `at`. */
export type RowEnd = (id: number, row: Float32Array, at: number) => void

/** How rows end for a model: undefined where they are the embeddings alone. */
export function rowEnd({
  config,
  members,
}: {
  readonly config: ArchitectureConfig
  readonly members?: Members | undefined
}): RowEnd | undefined {
  if (config.members === undefined) return undefined
  const { ids, counts } = checkedMembers(members, config.members)
  const numbers = new Map(ids.map((id, i) => [id, i + 1]))
  return (id, row, at) => {
    const number = numbers.get(id) ?? 0
    row[at] = number
    row[at + 1] = number === 0 ? 0 : counts[number - 1]! / (counts[number - 1]! + MEMBER_PRIOR)
  }
}

/**
 * What an example's learned number adds to its logit, for every query and at every step alike: b(c) n(c) / (n(c) + 12);
 * 0 for a newcomer. Undefined where the model has no members.
 */
export function memberLogits({
  config,
  members,
  parameters,
}: {
  readonly config: ArchitectureConfig
  readonly members?: Members | undefined
  readonly parameters: Parameters
}): ((id: number) => number) | undefined {
  const end = rowEnd({ config, members })
  if (end === undefined) return undefined
  const { values } = parameters.get(BIAS)!
  const row = new Float32Array(EXTRA)
  return (id) => {
    end(id, row, 0)
    return values[row[0]!]! * row[1]!
  }
}

/** @throws InputError if a model has another number of members than its settings say, or an id appears twice */
export function checkedMembers(members: Members | undefined, count: number): Members {
  const { ids = [], counts = [] } = members ?? {}
  if (ids.length !== count || counts.length !== count || new Set(ids).size !== count) {
    throw new InputError(
      `pointer-model: the settings say ${count} members of the library, and there are ${ids.length} ids and ${counts.length} counts, which must be as many and different`,
    )
  }
  return { ids, counts }
}

/** Rows of embeddings [M, D] as the graphs read them, [M, `rowWidth`]; `ids` [M] says whose they are. */
export function widenRows(
  { data, dim }: { readonly data: Float32Array; readonly dim: number },
  ids: readonly number[] | undefined,
  end: RowEnd | undefined,
): Float32Array {
  if (end === undefined) return data
  const rows = data.length / dim
  if (ids?.length !== rows) {
    throw new InputError(
      'pointer-model: a policy with a number per member of the library needs the ids of the rows of the embeddings',
    )
  }
  const width = dim + EXTRA
  const wide = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) {
    wide.set(data.subarray(row * dim, (row + 1) * dim), row * width)
    end(ids[row]!, wide, row * width + dim)
  }
  return wide
}
