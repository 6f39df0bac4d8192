import { isObject, type RawObject } from './values.ts'

/** What the lines of a journal of RL data hold, after their key. */
export interface JournalOutcome {
  readonly key: string
  readonly value: RawObject
}

/** Key of the line that holds the question and the pool of a query. */
export function queryKey(queryId: number): string {
  return `query:${queryId}`
}

/** The query id of such a key, or undefined. */
export function parseQueryKey(key: string): number | undefined {
  const digits = /^query:(0|[1-9][0-9]*)$/.exec(key)?.[1]
  const id = Number(digits)
  return digits !== undefined && Number.isSafeInteger(id) ? id : undefined
}

/** The numbers in the key of a line about how pointers were proposed: of a whole run, or of one query. */
export function parsePlanKey(key: string): { plan: number; query: number | undefined } | undefined {
  if (!key.startsWith('plan:')) return undefined
  const [, plan, query] = /^plan:(\d+)(?::(\d+))?$/.exec(key) ?? []
  if (plan === undefined) return undefined
  return { plan: Number(plan), query: query === undefined ? undefined : Number(query) }
}

const FAILED_PREFIX = 'failed:'

/**
 * Key of the line about an outcome that a server or device failed to give. The outcome's own key stays free for a later
 * run, whose line then counts in place of this one.
 */
export function failedKey(key: string): string {
  return `${FAILED_PREFIX}${key}`
}

/** The key of the outcome that such a line is about, or undefined. */
export function parseFailedKey(key: string): string | undefined {
  return key.startsWith(FAILED_PREFIX) ? key.slice(FAILED_PREFIX.length) : undefined
}

/** `_meta` with the plans of the journal in `generator.plans`, and the embeddings that the last of them names. */
export function withPlans(meta: unknown, plans: readonly RawObject[]): unknown {
  const said = plans.filter((plan) => Object.keys(plan).length > 0)
  if (!isObject(meta) || said.length === 0) return meta
  const generator = isObject(meta['generator']) ? meta['generator'] : {}
  const embeddings =
    meta['embeddings'] ?? said.findLast((plan) => isObject(plan['embeddings']))?.['embeddings']
  return {
    ...meta,
    ...(embeddings === undefined ? {} : { embeddings }),
    generator: { ...generator, plans: said },
  }
}

/**
 * One query in the form of a JSON file out of its lines. The candidates are ordered by `rank`, then by `pointer`
 * (lexicographic), then by key, so the order does not depend on which outcome was measured first.
 */
export function assembleQuery(header: unknown, outcomes: readonly JournalOutcome[]): RawObject {
  const head = isObject(header) ? header : {}
  const sorted = [...outcomes].sort(compareOutcomes)
  return {
    query: head['query'] ?? {},
    candidate_pool_ids: head['candidate_pool_ids'] ?? null,
    pointer_candidates: sorted.map(({ value }) => {
      const candidate = { ...value }
      delete candidate['query_id']
      return candidate
    }),
  }
}

/** The order of the candidates of a query in a journal. */
export function compareOutcomes(a: JournalOutcome, b: JournalOutcome): number {
  return (
    rankOf(a) - rankOf(b) ||
    comparePointers(a.value['pointer'], b.value['pointer']) ||
    (a.key < b.key ? -1 : 1)
  )
}

function rankOf({ value: { rank } }: JournalOutcome): number {
  return typeof rank === 'number' ? rank : Number.MAX_SAFE_INTEGER
}

function comparePointers(a: unknown, b: unknown): number {
  if (!Array.isArray(a) || !Array.isArray(b)) return 0
  for (let k = 0; k < Math.min(a.length, b.length); k++) {
    const difference = Number(a[k]) - Number(b[k])
    if (difference !== 0 && !Number.isNaN(difference)) return difference
  }
  return a.length - b.length
}
