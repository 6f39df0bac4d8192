import type { MeasureChoices } from '@lever/grpo-trainer'
import { createRandom } from '@lever/reward-utils'
import type { RlData } from '@lever/rl-dataset'
import type { Embeddings } from '@lever/tensor-files'

const [KINDS, HALF, TEXTS, WRONG] = [12, 32, 3, 0.1]

/**
 * What any pair of a simulated composition task is worth, also where it is not in its files: shapes, colours and halves are
 * found again as clusters of the embeddings, and the outcomes that the test file lists, of all its pairs, are all predicted. A
 * tenth of the outcomes is drawn anew, as in the training data.
 */
export function compositionTruth(table: Embeddings, test: RlData): MeasureChoices {
  const [shapes, colours, texts] = [
    clusters(table, [0, HALF], KINDS),
    clusters(table, [HALF, 2 * HALF], KINDS),
    clusters(table, [2 * HALF, table.dim], TEXTS),
  ]
  const kindOfQueries = texts.get(test.queries[0]!.query_id)!
  const halves = [0, 1, 2].filter((kind) => kind !== kindOfQueries)
  for (const [shape, colour] of [halves, halves.toReversed()]) {
    const worth = (query: number, pointer: readonly number[]): number => {
      const tells = (half: number, of: ReadonlyMap<number, number>): boolean =>
        pointer.some((id) => texts.get(id) === half && of.get(id) === of.get(query))
      return [0, 0.3, 1][Number(tells(shape!, shapes)) + Number(tells(colour!, colours))]!
    }
    const isRight = test.queries.every(({ query_id: id, pointer_candidates: all }) =>
      all.every((one) => worth(id, one.pointer_global!) === one.vqa_acc_score),
    )
    if (!isRight) continue
    return (choices) =>
      Promise.resolve(
        choices.map(({ queryId, pointer }) => {
          const random = createRandom('composition-truth', queryId, pointer.join())
          return {
            accuracy: random.next() < WRONG ? [0, 0.3, 1][random.int(3)]! : worth(queryId, pointer),
          }
        }),
      )
  }
  throw new Error('bench: the clusters of the embeddings do not predict the test outcomes')
}

/** Cluster of every id by some columns: k-means from centres that are far apart. */
function clusters(
  { data, dim, ids }: Embeddings,
  [from, to]: readonly [number, number],
  count: number,
): ReadonlyMap<number, number> {
  const rows = ids.map((_, i) => data.subarray(i * dim + from, i * dim + to))
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    let sum = 0
    for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
    return sum
  }
  let centres: ArrayLike<number>[] = [rows[0]!]
  const nearest = (row: ArrayLike<number>): number => {
    const all = centres.map((centre) => distance(row, centre))
    return all.indexOf(Math.min(...all))
  }
  while (centres.length < count) {
    const far = rows.map((row) => distance(row, centres[nearest(row)]!))
    centres.push(rows[far.indexOf(Math.max(...far))]!)
  }
  let own: number[] = []
  for (let turn = 0; turn < 15; turn++) {
    own = rows.map(nearest)
    centres = centres.map((centre, k) => {
      const members = rows.filter((_, i) => own[i] === k)
      if (members.length === 0) return centre
      return Array.from(centre, (_, d) => members.reduce((sum, row) => sum + row[d]!, 0) / members.length)
    })
  }
  return new Map(ids.map((id, i) => [id, own[i]!]))
}
