import { InputError } from '@lever/durable-files'
import { PROPOSAL_METHOD_NAMES, type ProposalMethodName, type ProposalRequest } from './index.ts'

export interface DefaultMixOptions {
  /** Is there a policy to ask? Default true. */
  policy?: boolean
  /** Are there similarities? Default true. */
  similarities?: boolean
  /** Counts that replace the default ones; `sample` counts per temperature; 0 leaves a method out. */
  counts?: Partial<Record<ProposalMethodName, number>>
  /** For `sample`. Default 1.0 and 1.3. */
  temperatures?: readonly number[]
}

/** Pointers per query and method by default; with two temperatures 5 + 9 + 2 * 2 + 6 = 24. */
export const DEFAULT_COUNTS: Readonly<Partial<Record<ProposalMethodName, number>>> = {
  beam: 5,
  retrieval: 9,
  sample: 2,
  random: 6,
}

/**
 * A mix in which good pointers are likely: the policy's own, similar examples, and some random
 * ones. Methods are in order of priority for a pointer that several find.
 */
export function defaultMix({
  policy = true,
  similarities = true,
  counts = {},
  temperatures = [1.0, 1.3],
}: DefaultMixOptions = {}): ProposalRequest[] {
  const wanted = { ...DEFAULT_COUNTS, ...counts }
  if (!policy && counts.beam === undefined) wanted.beam = 0
  if (!policy && counts.sample === undefined) wanted.sample = 0
  if (!similarities && counts.retrieval === undefined) wanted.retrieval = 0
  const order: readonly ProposalMethodName[] = [
    'file',
    'beam',
    'retrieval',
    'sample',
    'nested',
    'random',
    'exhaustive',
  ]
  return order.flatMap((method): ProposalRequest[] => {
    const count = checkedCount(method, wanted[method] ?? 0)
    if (count === 0) return []
    return [method === 'sample' ? { method, count, temperatures } : { method, count }]
  })
}

/** Reads "beam=5,random=10" into counts. Throws InputError for an unknown method or a bad count. */
export function parseCounts(text: string): Partial<Record<ProposalMethodName, number>> {
  const counts: Partial<Record<ProposalMethodName, number>> = {}
  for (const part of text.split(',')) {
    const [name = '', count = '', ...rest] = part.trim().split('=')
    const method = PROPOSAL_METHOD_NAMES.find((known) => known === name)
    if (method === undefined || rest.length > 0 || !/^\d+$/.test(count)) {
      throw new InputError(
        `rl-generate: "${part.trim()}" is not METHOD=COUNT with one of ${PROPOSAL_METHOD_NAMES.join(', ')}`,
      )
    }
    counts[method] = Number(count)
  }
  return counts
}

function checkedCount(method: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new InputError(
    `rl-generate: ${count} ${method} pointers cannot be proposed; use a whole number from 0`,
  )
}
