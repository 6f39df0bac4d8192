import type { Selector } from '@lever/icl-eval'
import type { LibrarySearcher, Policy } from '@lever/pointer-model'
import type { PoolSearch } from '@lever/rl-generate'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { BundledPool } from '../bundle/manifest.ts'
import { chooseBaseline } from './baseline-choice.ts'
import { POLICY, RANKED_BY, STATIC } from './baselines.ts'
import type { Collection } from './collection.ts'
import type { EmbeddedQuery, QueryEmbedder } from './embed.ts'
import { failure, failureOf, type Failed } from './failure.ts'
import { choosePointers } from './policy-choice.ts'
import { drawPools, stacked, type PoolQuery } from './pools.ts'
import type { EnginePick, EngineQuery } from './query.ts'
import { queryId } from './query-id.ts'
import type { KindRows } from './rows.ts'

/** What chooses, of an open bundle. */
export interface EngineParts {
  readonly collection: Collection
  readonly embedder: QueryEmbedder
  readonly policy: Policy | undefined
  readonly pool: BundledPool
  /** Searches the library, for pool method `learned`. */
  readonly searcher: LibrarySearcher | undefined
  /** Name of the selector where none is asked for. */
  readonly selector: string
  /** The kind of the embeddings, that of policies and of similarities. */
  readonly kind: EmbeddingKind
  /** A baseline by its name, the same at every call: some keep what they compute of a library. */
  readonly baseline: (name: string) => Selector
  readonly rows: (by: PoolSearch) => KindRows
  readonly unitRows: (kind: EmbeddingKind) => KindRows
}

/** What was chosen for a question: demonstrations in prompt order, and by whom. */
export interface EngineChoice {
  readonly picks: readonly EnginePick[]
  readonly selector: string
}

type Embedded = EngineQuery & EmbeddedQuery & PoolQuery

/** Chooses for many questions at once; what is wrong with one of them fails that one alone. */
export async function chooseFor(
  parts: EngineParts,
  queries: readonly EngineQuery[],
): Promise<(EngineChoice | Failed)[]> {
  const embedded = await parts.embedder.embed(queries)
  const results = new Map<EngineQuery, EngineChoice | Failed>()
  const groups = new Map<string, Embedded[]>()
  queries.forEach((query, i) => {
    const found = embedded[i]!
    if ('error' in found) {
      results.set(query, found)
      return
    }
    const one = { ...query, ...found, ...asPoolQuery(query, found, parts.collection), asked: query }
    const wrong = whatIsWrong(one, parts)
    if (wrong !== undefined) {
      results.set(query, failure(wrong, true))
      return
    }
    const key = `${query.shots} ${query.selector ?? parts.selector}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  })
  for (const group of groups.values()) {
    const chosen = await chooseGroup(parts, group).catch((error: unknown) =>
      group.map(() => failureOf(error)),
    )
    group.forEach((one, i) => results.set((one as Embedded & { asked: EngineQuery }).asked, chosen[i]!))
  }
  return queries.map((query) => results.get(query)!)
}

/** All questions of a group want the same number of shots of the same selector. */
async function chooseGroup(parts: EngineParts, group: readonly Embedded[]): Promise<EngineChoice[]> {
  const { shots, selector = parts.selector } = group[0]!
  const { collection, policy, rows, unitRows, kind, pool } = parts
  const own = rows(kind)
  const similarityOf = (one: Embedded, row: number): number => cosine(one.rows[kind]!, own.row(row))
  const pools = async (): Promise<number[][]> =>
    drawPools(await withLearned(parts, group), collection, pool, rows)
  if (selector === POLICY) {
    const drawn = await pools()
    const asked = group.map((one, i) => ({ id: one.query.id, row: one.rows[kind]!, pool: drawn[i]! }))
    const chosen = await choosePointers(policy!, asked, own, shots, (row) => collection.example(row).id)
    return chosen.map((picks, i) => ({
      selector,
      picks: picks.map(({ row, probability, staticShare }) => ({
        ...{ row, score: probability, staticShare },
        similarity: similarityOf(group[i]!, row),
      })),
    }))
  }
  const made = parts.baseline(selector)
  const drawn = made.scope === 'library' ? undefined : await pools()
  const options = { selector: made, shots, seed: pool.seed, collection, kindRows: unitRows, pools: drawn }
  const chosen = await chooseBaseline(group, options)
  const ranking = RANKED_BY.get(selector)
  return chosen.map((picks, i) => ({
    selector,
    picks: picks.map((row) => ({
      ...{ row, staticShare: selector === STATIC ? 1 : null },
      score: ranking === undefined ? null : cosine(group[i]!.rows[ranking]!, unitRows(ranking).row(row)),
      similarity: similarityOf(group[i]!, row),
    })),
  }))
}

/** The questions with the vectors by which the library is searched for them, where a policy does that. */
async function withLearned(
  { searcher, kind }: EngineParts,
  group: readonly Embedded[],
): Promise<readonly PoolQuery[]> {
  if (searcher === undefined) return group
  const { rowDim, dim } = searcher
  const data = stacked(group.map(({ rows }) => rows[kind]!))
  const { queries } = await searcher.vectors({ data, dim: rowDim })
  return group.map((one, i) => ({
    ...one,
    rows: { ...one.rows, learned: queries.slice(i * dim, (i + 1) * dim) },
  }))
}

function asPoolQuery(
  { id: given, question, imageId: asked, exclude }: EngineQuery,
  { rows, imageHash }: EmbeddedQuery,
  collection: Collection,
): PoolQuery {
  const id = given ?? queryId(question, imageHash)
  const known = imageHash === null ? undefined : collection.imageIdOf(imageHash)
  const about = [asked, known === undefined ? undefined : String(known)]
  const own = given === undefined ? undefined : collection.rowOf(given)
  const excluded = new Set([
    ...about.flatMap((image) => collection.rowsAbout(image)),
    ...(own === undefined ? [] : [own]),
    ...exclude.flatMap((one) => collection.rowOf(one) ?? []),
  ])
  const query = { id, questionId: id, imageId: asked ?? known ?? null, question, answer: '', answers: [] }
  return { query, rows, excluded }
}

function whatIsWrong({ shots, selector, excluded }: Embedded, parts: EngineParts): string | undefined {
  const { collection, policy, rows } = parts
  const name = selector ?? parts.selector
  const left = collection.size - excluded.size
  if (!Number.isInteger(shots) || shots < 1) return `selector: shots is ${shots}; give a whole number from 1`
  if (shots > left) {
    return `selector: ${shots} demonstrations were asked for, and ${left} examples may be shown for this question; ask for fewer`
  }
  if (name === POLICY) {
    if (policy === undefined)
      return 'selector: the bundle has no policy; ask for a baseline such as rices-both'
    return shots > parts.pool.size
      ? `selector: ${shots} demonstrations were asked for from pools of ${parts.pool.size}; ask for fewer`
      : undefined
  }
  try {
    for (const kind of parts.baseline(name).needs) rows(kind)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! * a[i]!
    bb += b[i]! * b[i]!
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb)
}
