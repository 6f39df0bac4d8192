import { createRandom } from '@lever/reward-utils'
import type { EmbeddingMatrix, EmbeddingPair } from '@lever/tensor-files'
import type { Example, PolicyProposer, ProposalQuery } from '../src/index.ts'

/** n solved questions, ids from `first`, two questions an image. */
export function toyExamples(n: number, first = 0): Example[] {
  return Array.from({ length: n }, (_, i) => ({
    id: first + i,
    questionId: first + i,
    imageId: `img-${Math.floor((first + i) / 2)}`,
    image: `/images/${Math.floor((first + i) / 2)}.png`,
    question: `Question ${i}?`,
    answers: Array.from({ length: 10 }, () => `answer ${i % 7}`),
    answer: `answer ${i % 7}`,
  }))
}

/** Seeded random unit vectors, one per example. */
function toyEmbeddings(examples: readonly Example[], dim = 16, name = 'text'): EmbeddingMatrix {
  const data = new Float32Array(examples.length * dim)
  examples.forEach(({ id }, row) => {
    const random = createRandom(1, name, id)
    const vector = Array.from({ length: dim }, () => random.normal())
    const norm = Math.hypot(...vector)
    vector.forEach((value, d) => (data[row * dim + d] = value / norm))
  })
  return { ids: examples.map(({ id }) => id), data, dim }
}

export function toyFeatures(examples: readonly Example[], name = 'text', dim = 16): EmbeddingPair {
  const table = toyEmbeddings(examples, dim, name)
  return { queries: table, candidates: table }
}

/** A policy with fixed preferences: position p of query q has weight 1 / (1 + (7p + q) mod N). */
export function toyPolicy(): PolicyProposer {
  const weights = ({ queryId, poolIds }: ProposalQuery): number[] =>
    poolIds.map((_, p) => 1 / (1 + ((7 * p + queryId) % poolIds.length)))
  const logProb = (query: ProposalQuery, pointer: readonly number[]): number => {
    const left = weights(query)
    let sum = 0
    for (const position of pointer) {
      sum += Math.log(left[position]! / left.reduce((a, b) => a + b, 0))
      left[position] = 0
    }
    return sum
  }
  return {
    beam: (queries, { width, shots }) =>
      Promise.resolve(
        queries.map((query) => {
          const left = weights(query)
          const order = query.poolIds.map((_, p) => p).sort((a, b) => left[b]! - left[a]!)
          return Array.from({ length: width }, (_, i) => {
            const pointer = [...order.slice(0, shots - 1), order[shots - 1 + i]!]
            return { pointer, logProb: logProb(query, pointer) }
          })
        }),
      ),
    sample: (queries, { count, temperature, shots, randoms }) =>
      Promise.resolve(
        queries.map((query, i) =>
          Array.from({ length: count }, () => {
            const left = weights(query).map((weight) => weight ** (1 / temperature))
            const pointer: number[] = []
            while (pointer.length < shots) {
              let at = randoms[i]!.next() * left.reduce((a, b) => a + b, 0)
              const p = left.findIndex((weight) => (at -= weight) < 0)
              pointer.push(p)
              left[p] = 0
            }
            return { pointer: Int32Array.from(pointer), logProb: logProb(query, pointer) }
          }),
        ),
      ),
    logProbs: (queries, pointers) =>
      Promise.resolve(queries.map((query, i) => pointers[i]!.map((pointer) => logProb(query, pointer)))),
  }
}
