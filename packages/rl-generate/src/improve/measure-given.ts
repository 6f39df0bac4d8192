import { accuracyOf, expectedOf, pointerIds } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { planPointers } from '../generate/plan.ts'
import { measurePlanned } from '../generate/generate.ts'
import type { Answer } from '../measure/types.ts'
import type { GivenPointer, ImproveOptions, MeasuredPointer } from './types.ts'

/**
 * Measures given pointers into a journal of their own, what is in it already not again.
 *
 * @returns what they are worth, in their order
 * @throws as `proposePointers` and `generateJournal`
 */
export async function measureGiven<A extends Answer>(
  options: ImproveOptions<A>,
  journal: string,
  given: readonly GivenPointer[],
): Promise<MeasuredPointer[]> {
  const { pools, shots, seed } = options
  const file = new Map<number, (readonly number[])[]>()
  for (const { queryId, pointer } of given) file.set(queryId, [...(file.get(queryId) ?? []), pointer])
  const queries = options.queries.filter(({ id }) => file.has(id))
  const mix = [{ method: 'file' } as const]
  const planned = await planPointers({ queries, pools, shots, seed, file, mix, size: 0 })
  await measurePlanned<A>({ ...options, queries, journal }, { mix }, planned)
  const outcomes = new Map(
    (await readRlData(journal)).queries.flatMap(({ query_id: id, pointer_candidates: all }) =>
      all.map((one) => [
        `${id}:${pointerIds(one).join()}`,
        { accuracy: accuracyOf(one), expected: expectedOf(one) },
      ]),
    ),
  )
  return given.map(({ queryId, pointer }) => outcomes.get(`${queryId}:${pointer.join()}`)!)
}
