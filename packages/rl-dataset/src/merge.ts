import { InputError, canonicalJson } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { groupBy } from './counting.ts'
import { splitByImage } from './split.ts'
import {
  pointerIds,
  type RlCandidate,
  type RlData,
  type RlHistoryEntry,
  type RlMeta,
  type RlQuery,
  type RlShard,
} from './types.ts'

/** One file to merge. */
export interface MergeInput {
  readonly file: string
  readonly data: RlData
  readonly sha256?: string
}

/** What to do about files that differ. */
export interface MergeOptions {
  /** The same pointer with another outcome in a later file: an error (default), or the first one stays. */
  readonly onConflict?: 'error' | 'first'
  /** Accept files without `_meta`, whose protocol cannot be compared. Default: only when no file has one. */
  readonly allowMissingMeta?: boolean
  /** Time of the merge for the history, ISO 8601. */
  readonly at?: string
}

export const MERGE_OPTIONS: OptionNames<MergeOptions> = { onConflict: true, allowMissingMeta: true, at: true }

/** What a merge took in and left out. */
export interface MergeSummary {
  readonly files: number
  readonly queries: number
  readonly candidates: number
  /** Queries that stand in more than one file. */
  readonly sharedQueries: number
  /** Candidates left out since an earlier file has the same pointer with the same outcome. */
  readonly repeated: number
  /** The same with another outcome; the first stays. */
  readonly conflicts: number
  /** Ranges that no shard covers, where the shards give theirs. */
  readonly gaps: readonly (readonly [start: number, end: number])[]
}

/** Fields of `_meta` that must agree: they fix what an outcome means. */
const MUST_AGREE = [
  'protocol',
  'vqa_model',
  'task_gen_args',
  'dataset',
  'embeddings',
  'shot_num',
  'pool_size',
] as const

/** Fields of a candidate that make its outcome. */
const OUTCOME = ['vqa_pred_answer', 'vqa_correct', 'vqa_acc_score', 'vqa_eval_mode', 'beam_score'] as const

/**
 * One data set out of several files of one experiment. Queries in several files are joined: their pools must be equal, and
 * an equal pointer counts once.
 *
 * @throws InputError if the files do not belong together: another protocol, model, dataset, embeddings, number of
 * demonstrations or pool; outcomes that contradict each other, unless `onConflict` is `first`; or `train_ids`, `val_ids` and
 * `test_ids` that share a query or an image.
 */
export function mergeRlData(
  inputs: readonly MergeInput[],
  options: MergeOptions = {},
): { data: RlData; summary: MergeSummary } {
  refuseUnknownOptions(options, MERGE_OPTIONS, 'rl-dataset: mergeRlData')
  const [first] = inputs
  if (!first) throw new InputError('rl-dataset: there is nothing to merge; give at least one file')
  checkMetas(inputs, options.allowMissingMeta ?? false)
  const merged = new Map<number, { query: RlQuery; candidates: RlCandidate[]; from: string }>()
  const counts = { sharedQueries: 0, repeated: 0, conflicts: 0 }
  let shots: number | undefined

  for (const { file, data } of inputs) {
    for (const query of data.queries) {
      const found = query.pointer_candidates.find(
        ({ pointer }) => pointer.length !== (shots ??= pointer.length),
      )
      if (found) {
        throw new InputError(
          `rl-dataset: ${file}: query ${query.query_id} has pointers of ${found.pointer.length} demonstrations, the files before have ${shots!}; train on both files instead of merging them`,
        )
      }
      const before = merged.get(query.query_id)
      if (!before)
        merged.set(query.query_id, { query, candidates: [...query.pointer_candidates], from: file })
      else {
        counts.sharedQueries++
        join(before, query, file, options.onConflict ?? 'error', counts)
      }
    }
  }
  const queries = [...merged.values()]
    .map(({ query, candidates }) => ({ ...query, pointer_candidates: candidates }))
    .sort((a, b) => a.query_id - b.query_id)
  const meta = mergeMetas(inputs, options.at)
  checkSplit(queries, meta)
  const summary = {
    files: inputs.length,
    queries: queries.length,
    candidates: queries.reduce((sum, { pointer_candidates }) => sum + pointer_candidates.length, 0),
    ...counts,
    gaps: gapsOf(meta.shards ?? []),
  }
  return { data: { meta, queries }, summary }
}

/** A summary as text for people. */
export function renderMerge(summary: MergeSummary): string {
  const { files, queries, candidates, sharedQueries, repeated, conflicts, gaps } = summary
  return [
    `${files} files: ${queries} queries, ${candidates} candidates`,
    `${sharedQueries} queries in more than one file, ${repeated} repeated candidates left out, ${conflicts} contradictions (the first stays)`,
    ...gaps.map(([start, end]) => `no shard covers ${start} to ${end}`),
  ].join('\n')
}

function checkMetas(inputs: readonly MergeInput[], allowMissingMeta: boolean): void {
  const without = inputs.filter(({ data }) => data.meta === null)
  const [reference] = inputs.filter(({ data }) => data.meta !== null)
  if (!reference) return
  if (without.length > 0 && !allowMissingMeta) {
    throw new InputError(
      `rl-dataset: ${without[0]!.file} has no _meta, so its protocol cannot be compared with that of ${reference.file}; ` +
        `merge it only if you know that they agree (--allow-missing-meta, allowMissingMeta: true)`,
    )
  }
  for (const { file, data } of inputs) {
    if (data.meta === null) continue
    const odd = MUST_AGREE.filter(
      (field) => !same(comparable(reference.data.meta!, field), comparable(data.meta!, field)),
    )
    if (odd.length === 0) continue
    const shown = odd.map(
      (field) => `${field}: ${show(reference.data.meta![field])} and ${show(data.meta![field])}`,
    )
    throw new InputError(
      `rl-dataset: ${reference.file} and ${file} do not belong together; _meta differs in ${shown.join('; ')}`,
    )
  }
}

function checkSplit(queries: readonly RlQuery[], meta: RlMeta): void {
  const items = queries.map(({ query_id, query }) => ({ queryId: query_id, imageId: query.image_id ?? null }))
  splitByImage(items, { meta, file: 'the merged data' })
}

function comparable(meta: RlMeta, field: (typeof MUST_AGREE)[number]): unknown {
  return field === 'protocol' ? (meta.protocol?.hash ?? meta.protocol) : meta[field]
}

function join(
  before: { query: RlQuery; candidates: RlCandidate[]; from: string },
  query: RlQuery,
  file: string,
  onConflict: 'error' | 'first',
  counts: { repeated: number; conflicts: number },
): void {
  const where = `rl-dataset: query ${query.query_id} is in ${before.from} and in ${file}`
  if (!same(before.query.candidate_pool_ids, query.candidate_pool_ids)) {
    throw new InputError(`${where} with different pools; a query has one pool`)
  }
  const [a, b] = [before.query.query.question, query.query.question]
  if (a !== undefined && b !== undefined && a !== b) {
    throw new InputError(
      `${where} with different questions (${show(a)}, ${show(b)}); their ids come from different datasets`,
    )
  }
  const known = groupBy(before.candidates, (candidate) => pointerIds(candidate).join())
  for (const candidate of query.pointer_candidates) {
    const all = known.get(pointerIds(candidate).join()) ?? []
    const [earlier] = all
    if (!earlier) before.candidates.push(candidate)
    else if (all.some((each) => OUTCOME.every((field) => same(each[field], candidate[field]))))
      counts.repeated++
    else if (onConflict === 'first') counts.conflicts++
    else {
      const field = OUTCOME.find((each) => !same(earlier[each], candidate[each]))!
      throw new InputError(
        `${where} with pointer [${pointerIds(candidate).join(', ')}], but ${field} is ${show(earlier[field])} and ${show(candidate[field])}; ` +
          `keep the first (--on-conflict first, onConflict: 'first'), or find out which is right`,
      )
    }
  }
}

function mergeMetas(inputs: readonly MergeInput[], at: string | undefined): RlMeta {
  const metas = inputs.map(({ data }) => data.meta)
  const first = metas.find((meta) => meta !== null) ?? {}
  const history: RlHistoryEntry[] = []
  for (const entry of metas.flatMap((meta) => meta?.history ?? [])) {
    if (!history.some((known) => same(known, entry))) history.push(entry)
  }
  const files = inputs.map(({ file, sha256 }) => ({
    file: file.split(/[\\/]/).at(-1)!,
    ...(sha256 === undefined ? {} : { sha256 }),
  }))
  history.push({ op: 'merge', ...(at === undefined ? {} : { at }), params: { files } })
  const shards: RlShard[] = inputs.flatMap(({ data }, i) => data.meta?.shards ?? [files[i]!])
  return {
    ...first,
    ...idsOf(metas, 'train_ids'),
    ...idsOf(metas, 'val_ids'),
    ...idsOf(metas, 'test_ids'),
    shards,
    history,
  }
}

function idsOf(metas: readonly (RlMeta | null)[], field: 'train_ids' | 'val_ids' | 'test_ids'): RlMeta {
  const all = metas.flatMap((meta) => meta?.[field] ?? [])
  return all.length === 0 ? {} : { [field]: [...new Set(all.map(Number))].sort((a, b) => a - b) }
}

function gapsOf(shards: readonly RlShard[]): (readonly [number, number])[] {
  const ranges = shards.flatMap(({ range }) => (range ? [range] : [])).sort(([a], [b]) => a - b)
  const gaps: (readonly [number, number])[] = []
  let covered = ranges.length > 0 ? Math.min(0, ranges[0]![0]) : 0
  for (const [start, end] of ranges) {
    if (start > covered) gaps.push([covered, start])
    covered = Math.max(covered, end)
  }
  return gaps
}

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null)
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : canonicalJson(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
