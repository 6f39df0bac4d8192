import { baselineRanking } from '@lever/pointer-model'
import type { Baseline, Columns, FloorQuery } from '@lever/pointer-model'
import type { Embeddings } from '@lever/tensor-files'
import { mainEffects } from '@lever/rl-dataset'
import type { Group } from '@lever/rl-dataset'
import type { TrainingData } from '../data.ts'

/** Parts in which the queries are cut for what is learnt on the others. */
export const FOLDS: number = 5

/** The columns of embeddings by what they are of. */
export function columnsOf({
  dim,
  kind,
  imageDim,
}: Pick<Embeddings, 'dim' | 'kind' | 'imageDim'>): Record<string, Columns> {
  if (kind !== 'both' || imageDim === 0) return { [kind]: [0, dim] }
  return { image: [0, imageDim], text: [imageDim, dim], both: [0, dim] }
}

/** The baselines that the embeddings of a training allow, the simplest first; `static` comes with its measured effects. */
export function baselinesOf(columns: Readonly<Record<string, Columns>>): Baseline[] {
  const kinds = Object.entries(columns)
  const widest = kinds.at(-1)
  return [
    { name: 'random', kind: 'random' },
    ...kinds.map(([kind, range]): Baseline => ({
      name: `rices-${kind}`,
      kind: 'similarity',
      columns: range,
    })),
    ...(widest === undefined ? [] : [{ name: 'mmr', kind: 'mmr' as const, columns: widest[1] }]),
  ]
}

/** A query of a group, with the rows of its pool. */
export function queryOf(
  group: Group,
  { embeddings, queryEmbeddings = embeddings }: TrainingData,
): FloorQuery {
  const row = ({ data, dim }: Pick<Embeddings, 'data' | 'dim'>, at: number): Float32Array =>
    data.subarray(at * dim, (at + 1) * dim)
  return {
    query: row(queryEmbeddings, group.queryRow),
    pool: Array.from(group.poolRows, (at) => row(embeddings, at)),
    ids: group.poolIds,
    queryId: group.queryId,
  }
}

/** What a baseline thinks of the measured pointers of a group [G]. */
export function rankingOf(baseline: Baseline, group: Group, data: TrainingData): number[] {
  const { pointers, shots, size } = group
  const list = Array.from({ length: size }, (_, g) => pointers.subarray(g * shots, (g + 1) * shots))
  return Array.from(baselineRanking(baseline, queryOf(group, data), list))
}

/** `static` with the main effects that some groups show. */
export function staticBaseline(
  groups: readonly Group[],
  valuesOf: (group: Group) => ArrayLike<number>,
): Baseline {
  const { effects } = mainEffects(
    groups.map((group) => {
      const { pointers, shots, size, poolIds } = group
      const values = valuesOf(group)
      const shown = (g: number): number[] =>
        Array.from(pointers.subarray(g * shots, (g + 1) * shots)).flatMap((n) => (n < 0 ? [] : [poolIds[n]!]))
      return {
        pointers: Array.from({ length: size }, (_, g) => ({ ids: shown(g), value: values[g]! })).filter(
          ({ ids }) => ids.length > 0,
        ),
      }
    }),
  )
  return {
    name: 'static',
    kind: 'static',
    effects: Object.fromEntries(
      Array.from(effects, ([id, { effect }]): [string, number] => [
        String(id),
        Number(effect.toPrecision(6)),
      ]),
    ),
  }
}

/** Groups in parts, whole images together: of every group the part it is in, by its query. */
export function foldsOf(groups: readonly Group[], folds: number = FOLDS): ReadonlyMap<number, number> {
  const images = [...new Set(groups.map(imageOf))].sort()
  const fold = new Map(images.map((image, i) => [image, i % folds]))
  return new Map(groups.map((group) => [group.queryId, fold.get(imageOf(group))!]))
}

/** For every group, by its query, `static` as estimated without the groups of its part. */
export function crossFittedStatic(
  groups: readonly Group[],
  valuesOf: (group: Group) => ArrayLike<number>,
): Map<number, Baseline> {
  const fold = foldsOf(groups)
  const without = Array.from({ length: FOLDS }, (_, part) =>
    staticBaseline(
      groups.filter(({ queryId }) => fold.get(queryId) !== part),
      valuesOf,
    ),
  )
  return new Map(groups.map(({ queryId }) => [queryId, without[fold.get(queryId)!]!]))
}

function imageOf({ imageId, queryId }: Group): string {
  return imageId === null ? `query ${queryId}` : `image ${imageId}`
}
