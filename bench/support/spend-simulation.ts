import type { QueryIds } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Random } from '@lever/reward-utils'
import type { Embeddings } from '@lever/tensor-files'

const KINDS = 12
const LIBRARY = 800
const POOL = 24
const IMAGE = 32
const TEXT = 16

interface Thing {
  readonly id: number
  readonly shape: number
  readonly colour: number
  /** What a demonstration tells; a question needs both. */
  readonly tells: 'shape' | 'colour' | 'both'
}

export interface Simulation {
  readonly embeddings: Embeddings
  readonly train: readonly QueryIds[]
  readonly test: readonly QueryIds[]
  /** Accuracy of an ordered pair: 1 with both halves of the question, 0.3 with one, else 0. With `noise` a tenth are another one. */
  readonly reward: (query: number, pointer: readonly number[], noise: boolean) => number
}

/** The formula of `composition-sim` (its README), drawn with a seed of its own: 600 training and 300 test questions. */
export function simulate(seed: number): Simulation {
  const random = createRandom(seed, 'spend-simulation')
  const draw = (id: number, tells: Thing['tells']): Thing => ({
    ...{ id, tells },
    shape: random.int(KINDS),
    colour: random.int(KINDS),
  })
  const library = Array.from({ length: LIBRARY }, (_, i) =>
    draw(10_000 + i, random.next() < 0.5 ? 'shape' : 'colour'),
  )
  const questions = Array.from({ length: 900 }, (_, i) => draw(20_000 + i, 'both'))
  const things = [...library, ...questions]
  const byId = new Map(things.map((thing) => [thing.id, thing]))
  const rows = rowsOf(things, random)
  const pooled = questions.map(({ id }, i) => ({
    queryId: id,
    poolIds: poolOf(rows, LIBRARY + i, library, random),
  }))
  return {
    embeddings: {
      ids: things.map(({ id }) => id),
      data: Float32Array.from(rows.flat()),
      dim: 2 * IMAGE + TEXT,
      kind: 'both',
      imageDim: 2 * IMAGE,
      model: 'simulated',
      modelHash: '',
      source: '',
    },
    train: pooled.slice(0, 600),
    test: pooled.slice(600),
    reward(query, pointer, noise) {
      const own = createRandom(seed, 'noise', query, pointer.join())
      if (noise && own.next() < 0.1) return [0, 0.3, 1][own.int(3)]!
      const { shape, colour } = byId.get(query)!
      const told = pointer.map((id) => byId.get(id)!)
      const halves =
        Number(told.some((one) => one.tells === 'shape' && one.shape === shape)) +
        Number(told.some((one) => one.tells === 'colour' && one.colour === colour))
      return [0, 0.3, 1][halves]!
    },
  }
}

/** Rows of length 1: a shape's vector, a colour's (noise 0.6), and that of the kind of question. */
function rowsOf(things: readonly Thing[], random: Random): number[][] {
  const vectors = (count: number, size: number): number[][] =>
    Array.from({ length: count }, () => Array.from({ length: size }, () => random.normal()))
  const [shapes, colours, kinds] = [vectors(KINDS, IMAGE), vectors(KINDS, IMAGE), vectors(3, TEXT)]
  const noisy = (vector: readonly number[]): number[] => vector.map((x) => x + 0.6 * random.normal())
  return things.map(({ shape, colour, tells }) => {
    const kind = ['shape', 'colour', 'both'].indexOf(tells)
    const row = [...noisy(shapes[shape]!), ...noisy(colours[colour]!), ...noisy(kinds[kind]!)]
    const length = Math.hypot(...row)
    return row.map((x) => x / length)
  })
}

/** The 12 most similar by image and 12 random ones. */
function poolOf(
  rows: readonly number[][],
  query: number,
  library: readonly Thing[],
  random: Random,
): number[] {
  const near = library
    .map(({ id }, row) => ({ id, similarity: imageProduct(rows[row]!, rows[query]!) }))
    .sort((a, b) => b.similarity - a.similarity)
    .map(({ id }) => id)
  const first = near.slice(0, POOL / 2)
  return [...first, ...random.sample(near.slice(POOL / 2), POOL / 2)].sort((a, b) => a - b)
}

function imageProduct(a: readonly number[], b: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < 2 * IMAGE; i++) sum += a[i]! * b[i]!
  return sum
}
