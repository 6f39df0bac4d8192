import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createRandom } from '@lever/reward-utils'
import { encodeRlData } from '@lever/rl-dataset'
import type { RlData } from '@lever/rl-dataset'
import { writeEmbeddings } from '@lever/tensor-files'

const [KINDS, LIBRARY, TRAIN, TEST] = [12, 800, 600, 150]
const [POOL, MEASURED] = [24, 24]
const NOISE = 0.6
/** Share of the training outcomes that are drawn anew. */
const WRONG = 0.1

interface Item {
  readonly id: number
  readonly shape: number
  readonly colour: number
  /** Which half a demonstration tells. */
  readonly half: 'shape' | 'colour'
  readonly image: readonly number[]
  readonly text: readonly number[]
}

/**
 * Another seed of the simulated composition task (two halves out of two demonstrations, a formula and no model): `train.json.gz`
 * with 24 measured pairs of each pool, `test.json.gz` with all of them, and `embeddings.safetensors`, in the format of the
 * `composition-sim` that results are given for. Made from its description, so other draws may differ in detail.
 */
export async function writeCompositionSim(folder: string, seed: string): Promise<void> {
  const random = createRandom(seed)
  const normals = (count: number): number[] => Array.from({ length: count }, () => random.normal())
  const vectors = (count: number, dim: number): number[][] =>
    Array.from({ length: count }, () => normals(dim))
  const [shapes, colours, texts] = [vectors(KINDS, 32), vectors(KINDS, 32), vectors(3, 16)]
  const noisy = (vector: readonly number[]): number[] => {
    const noise = normals(vector.length)
    return unit(vector.map((x, i) => x + NOISE * noise[i]!))
  }
  const draw = (id: number, isQuery: boolean): Item => {
    const [shape, colour] = [random.int(KINDS), random.int(KINDS)]
    const half = random.int(2) === 0 ? 'shape' : 'colour'
    const kind = isQuery ? 2 : half === 'shape' ? 0 : 1
    const image = noisy([...shapes[shape]!, ...colours[colour]!])
    return { id, shape, colour, half, image, text: noisy(texts[kind]!) }
  }
  const library = Array.from({ length: LIBRARY }, (_, i) => draw(10_000 + i, false))
  const train = Array.from({ length: TRAIN }, (_, i) => draw(20_000 + i, true))
  const test = Array.from({ length: TEST }, (_, i) => draw(30_000 + i, true))
  const measure = (queries: readonly Item[], all: boolean): RlData => ({
    meta: { shot_num: 2, pool_size: POOL, protocol: { hash: seed, template: seed } },
    queries: queries.map((query) => {
      const pool = poolOf(query, library, random)
      const pairs = pool.flatMap((_, a) => pool.flatMap((__, b) => (a === b ? [] : [[a, b] as const])))
      return {
        query_id: query.id,
        query: { query_id: query.id, image_id: query.id, question: 'q' },
        candidate_pool_ids: pool.map(({ id }) => id),
        pointer_candidates: (all ? pairs : random.sample(pairs, MEASURED)).map((pair) => {
          const told = outcome(
            query,
            pair.map((n) => pool[n]!),
          )
          const accuracy = !all && random.next() < WRONG ? [0, 0.3, 1][random.int(3)]! : told
          return {
            pointer: [...pair],
            pointer_global: pair.map((n) => pool[n]!.id),
            gen_method: 'random' as const,
            vqa_correct: accuracy === 1 ? (1 as const) : (0 as const),
            vqa_acc_score: accuracy,
            vqa_eval_mode: 'file' as const,
          }
        }),
      }
    }),
  })
  await mkdir(folder, { recursive: true })
  for (const [name, data] of [
    ['train', measure(train, false)],
    ['test', measure(test, true)],
  ] as const)
    await writeFile(join(folder, `${name}.json.gz`), gzipSync(encodeRlData(data).bytes))
  const rows = [...library, ...train, ...test]
  await writeEmbeddings(join(folder, 'embeddings.safetensors'), {
    ids: rows.map(({ id }) => id),
    data: Float32Array.from(rows.flatMap(({ image, text }) => [...image, ...text])),
    ...{ dim: 80, imageDim: 64, model: 'sim', modelHash: '', kind: 'both', source: seed },
  })
}

/** Half of a pool is most alike by image, half is drawn from the rest, in mixed order. */
function poolOf(query: Item, library: readonly Item[], random: ReturnType<typeof createRandom>): Item[] {
  const likeness = ({ image }: Item): number => image.reduce((sum, x, i) => sum + x * query.image[i]!, 0)
  const sorted = [...library].sort((a, b) => likeness(b) - likeness(a))
  const near = sorted.slice(0, POOL / 2)
  return random.sample([...near, ...random.sample(sorted.slice(POOL / 2), POOL / 2)], POOL)
}

/** 1 with both halves of the query told, 0.3 with one, else 0. */
function outcome(query: Item, shown: readonly Item[]): number {
  const tells = (half: Item['half']): boolean =>
    shown.some((item) => item.half === half && item[half] === query[half])
  const [shape, colour] = [tells('shape'), tells('colour')]
  return shape && colour ? 1 : shape || colour ? 0.3 : 0
}

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector)
  return vector.map((x) => x / length)
}
