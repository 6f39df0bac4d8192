import { InputError } from '@lever/durable-files'
import type { TensorEntry } from '@lever/tensor-files'
import { checkedMembers } from '../members.ts'
import type { Members } from '../members.ts'
import type { PointerModel } from '../model.ts'
import type { ArchitectureConfig } from '../types.ts'

const IDS = 'member.ids'
const COUNTS = 'member.counts'

/** The members of a model as tensors of its checkpoint: `member.ids` I64 [L] and `member.counts` F32 [L]. */
export function memberTensors({ members }: Pick<PointerModel, 'members'>): [string, TensorEntry][] {
  if (members === undefined) return []
  const { ids, counts } = members
  const shape = [ids.length]
  return [
    [COUNTS, { dtype: 'F32', shape, data: Float32Array.from(counts) }],
    [IDS, { dtype: 'I64', shape, data: BigInt64Array.from(ids, BigInt) }],
  ]
}

/**
 * The members in the tensors of a checkpoint, and its other tensors.
 * @throws InputError if the settings say that there are members and they are missing or broken
 */
export function takeMembers(
  tensors: ReadonlyMap<string, TensorEntry>,
  { members: count }: ArchitectureConfig,
  file: string,
): { readonly members?: Members; readonly others: ReadonlyMap<string, TensorEntry> } {
  if (count === undefined) return { others: tensors }
  const [ids, counts] = [tensors.get(IDS), tensors.get(COUNTS)]
  if (ids?.dtype !== 'I64' || counts?.dtype !== 'F32') {
    throw new InputError(
      `pointer-model: ${file} has a number for each of ${count} members of a library, but not their ${IDS} and ${COUNTS}; it is broken`,
    )
  }
  const members = checkedMembers(
    { ids: Array.from(ids.data as BigInt64Array, Number), counts: Array.from(counts.data as Float32Array) },
    count,
  )
  const others = new Map([...tensors].filter(([name]) => name !== IDS && name !== COUNTS))
  return { members, others }
}
