import { createRandom } from '@lever/reward-utils'
import type { Random } from '@lever/reward-utils'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { EmbeddingRows, Measured, SelectionContext } from '../src/selectors/types.ts'
import type { Example } from '../src/types.ts'

const COLOURS = ['red', 'green', 'blue', 'grey']
const THINGS = ['cup', 'dog', 'car', 'tree', 'boat']

/** A small world: example i asks for one of five things in one of four colours; ids start at 100. */
export function toyExample(i: number): Example {
  const thing = THINGS[i % 5]!
  return {
    id: 100 + i,
    questionId: 100 + i,
    imageId: Math.floor(i / 2),
    question: `What colour is the ${thing}${i % 3 === 0 ? ' on the left' : ''}?`,
    answer: COLOURS[i % 4]!,
    answers: new Array<string>(10).fill(COLOURS[i % 4]!),
    questionType: 'what colour',
    answerType: 'other',
  }
}

/** Eight numbers drawn per (kind, example id): the embedding of an example is the same wherever it appears. */
export function toyRow(kind: EmbeddingKind, id: number): Float32Array {
  const random = createRandom(11, kind, id)
  return Float32Array.from({ length: 8 }, () => random.normal())
}

export function toyContext(options: {
  readonly query: Example
  readonly pool: readonly Example[]
  readonly random?: Random
}): SelectionContext {
  const { query, pool, random = createRandom(1) } = options
  const rows = (kind: EmbeddingKind): EmbeddingRows => ({
    query: toyRow(kind, query.id),
    candidate: (position) => toyRow(kind, pool[position]!.id),
  })
  return { query, pool, random, embeddings: { image: rows('image'), text: rows('text'), both: rows('both') } }
}

/** Every ordered pointer of up to three of the first four of a pool, with an accuracy that depends on order. */
export function toyMeasured(query: Example, pool: readonly Example[]): Measured {
  const ids = pool.filter((example) => example.id !== query.id).map((example) => example.id)
  const first = ids.slice(0, 4)
  const extend = (pointers: number[][]): number[][] =>
    pointers.flatMap((pointer) => first.filter((id) => !pointer.includes(id)).map((id) => [...pointer, id]))
  const singles = first.map((id) => [id])
  const pairs = extend(singles)
  const longer = [...pairs, ...extend(pairs), ...extend(extend(pairs))]
  const pointers = [...singles, ...longer]
  return new Map([[query.id, pointers.map((p) => ({ ids: p, accuracy: (p.at(-1)! % 7) / 10 }))]])
}
