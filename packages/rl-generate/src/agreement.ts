import { InputError } from '@lever/durable-files'
import type { RlCandidate, RlData, RlQuery } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { poolRecord } from './pools/types.ts'
import type { Pools } from './pools/types.ts'
import { mostFrequent } from '@lever/vqa-eval'
import type { Example } from './types.ts'

/** `gen_method` of labels, and `labels` of the `_meta` of such data and of checkpoints that were trained on it. */
export const AGREEMENT = 'agreement'

/** Queries, candidates and pools to label by agreement. */
export interface AgreementOptions {
  /** Questions with their human answers. */
  readonly queries: readonly Example[]
  /** What pools refer to. */
  readonly candidates: readonly Example[]
  /** The candidates of every question. */
  readonly pools: Omit<Pools, 'source'>
  /** The official accuracy of an answer on a question, 0..1: `officialScore()` of `vqa-eval`. */
  readonly score: (answer: string, question: Example) => { readonly accuracy: number }
}

export const AGREEMENT_OPTIONS: OptionNames<AgreementOptions> = {
  queries: true,
  candidates: true,
  pools: true,
  score: true,
}

/** Labels that cost no prompt, and how many there are. */
export interface AgreementLabels {
  /** Pointers of one demonstration. */
  readonly data: RlData
  readonly queries: number
  /** Queries with at least one candidate whose answer is right. */
  readonly answered: number
  /** Pairs of a query and a candidate of its pool, and those with an accuracy above 0. */
  readonly pairs: number
  readonly positive: number
}

/**
 * Labels that cost no prompt: r(q, c) is the official accuracy of the candidate's own answer (what it shows as a
 * demonstration) on the query, 0..1, for all N candidates of the pool. They are written as RL data, so that whatever
 * trains on measured rewards trains on them.
 *
 * Every candidate is a pointer of one demonstration. A policy that learns from them chooses any number: on the bundled
 * world, labels of later choices after common beginnings of 1 to 3 demonstrations gained nothing at 2 and 4 shots.
 *
 * @throws InputError if no candidate's answer is right for any query: there is nothing to learn
 */
export function agreementLabels(options: AgreementOptions): AgreementLabels {
  refuseUnknownOptions(options, AGREEMENT_OPTIONS, 'rl-generate: agreementLabels')
  const labels = labelPools(options)
  if (labels.positive === 0) {
    throw new InputError(
      `agreement has nothing to teach: in ${labels.pairs} pairs of ${labels.queries} questions and the candidates of their pools no candidate's answer is right; give other pools (--pool-method, --pool-size), or train on measured rewards (lever generate, lever train)`,
    )
  }
  return labels
}

/**
 * Labels of RL data itself, where its queries are the library too: what a candidate shows is known where it is one of the
 * queries. Candidates that are not stay out of the pools.
 * @returns undefined where fewer than half of the candidates are known, or no candidate's answer is right
 */
export function agreementOfRlData(
  files: readonly RlData[],
  score: AgreementOptions['score'],
): AgreementLabels | undefined {
  // Several files may hold the same queries, measured by different models.
  const all = files.flatMap(({ queries }) => queries.map(exampleOf))
  const examples = [...new Map(all.map((example) => [example.id, example])).values()]
  const known = new Set(examples.flatMap(({ id, answers }) => (answers.length > 0 ? [id] : [])))
  const pools = new Map<number, readonly number[]>()
  let candidates = 0
  for (const { query_id: id, candidate_pool_ids } of files.flatMap(({ queries }) => queries)) {
    const pool = candidate_pool_ids ?? []
    candidates += pool.length
    if (known.has(id))
      pools.set(
        id,
        pool.filter((one) => known.has(one)),
      )
  }
  const kept = [...pools.values()].reduce((sum, pool) => sum + pool.length, 0)
  if (kept === 0 || kept < candidates / 2) return undefined
  const queries = examples.filter(({ id }) => pools.has(id))
  const size = Math.max(...[...pools.values()].map((pool) => pool.length))
  const found = labelPools({
    queries,
    candidates: examples,
    pools: { byQuery: pools, method: 'file', size, seed: 0 },
    score,
  })
  return found.positive === 0 ? undefined : found
}

/** A query of RL data; as a demonstration it shows its most frequent answer. */
function exampleOf({ query_id: id, query }: RlQuery): Example {
  const {
    question_id: questionId = id,
    image_id: imageId = null,
    question = '',
    gt_answers_raw: answers = [],
  } = query
  return { id, questionId, imageId, question, answers, answer: mostFrequent(answers) }
}

function labelPools({ queries, candidates, pools, score }: AgreementOptions): AgreementLabels {
  const byId = new Map(candidates.map((example) => [example.id, example]))
  const labelled = queries.map((query) => {
    const pool = pools.byQuery.get(query.id) ?? []
    return { query, pool, labels: pool.map((id) => score(byId.get(id)!.answer, query).accuracy) }
  })
  const isPositive = (label: number): boolean => label > 0
  const answered = labelled.filter(({ labels }) => labels.some(isPositive)).length
  const pairs = labelled.reduce((sum, { labels }) => sum + labels.length, 0)
  const positive = labelled.reduce((sum, { labels }) => sum + labels.filter(isPositive).length, 0)
  const data: RlData = {
    meta: { labels: AGREEMENT, shot_num: 1, pool_size: pools.size, pool: poolRecord(pools) },
    queries: labelled
      .filter(({ pool }) => pool.length > 0)
      .map(({ query, pool, labels }) => labelQuery(query, pool, labels))
      .sort((a, b) => a.query_id - b.query_id),
  }
  return { data, queries: queries.length, answered, pairs, positive }
}

function labelQuery(
  { id, questionId, imageId, question }: Example,
  pool: readonly number[],
  labels: readonly number[],
): RlQuery {
  return {
    query_id: id,
    query: { query_id: id, question_id: questionId, image_id: imageId, question },
    candidate_pool_ids: pool,
    pointer_candidates: labels.map((label, position): RlCandidate => ({
      pointer: [position],
      pointer_global: [pool[position]!],
      gen_method: AGREEMENT,
      vqa_correct: label > 0 ? 1 : 0,
      vqa_acc_score: label,
      vqa_eval_mode: 'file',
    })),
  }
}
