import { InputError } from '@lever/durable-files'
import type { Example } from '../types.ts'
import type { MeasureOptions } from './types.ts'

/** What of a run's options is checked. */
export type CheckedOptions = Pick<MeasureOptions, 'queries' | 'candidates'> & {
  readonly meta: { readonly shot_num: number }
} & Partial<
    Pick<
      MeasureOptions,
      | 'prefixes'
      | 'allowFallback'
      | 'strict'
      | 'batchSize'
      | 'concurrency'
      | 'proposalBatch'
      | 'imageBudget'
      | 'untilInformative'
      | 'recheck'
    >
  >

/**
 * Refuses what would fail, or mean nothing, hours later.
 *
 * @throws InputError for queries without annotations (unless a fallback is allowed), demonstrations
 * without answers, missing images (strict), ids that are repeated or that RL data cannot hold, and options out of range
 */
export function checkInputs(options: CheckedOptions): void {
  const { queries, candidates, meta, prefixes = [], allowFallback = false, strict = true } = options
  checkDistinct(queries, 'queries')
  checkDistinct(candidates, 'candidates')
  checkNames(queries)
  if (!allowFallback) {
    refuseSome(
      queries.filter(({ answers }) => answers.length === 0),
      'queries have no annotations',
      'give the annotation file, or allow the string matcher with --allow-fallback',
    )
  }
  refuseSome(
    candidates.filter(({ answer }) => answer === ''),
    'candidates have no answer to show',
    'give their annotation file, or leave them out',
  )
  if (strict) {
    refuseSome(
      queries.filter(({ image, context }) => image === undefined && context === undefined),
      'queries have no image file and no context',
      'check the image folder, or record them as errors with --no-strict',
    )
  }
  checkWhole('shot_num of the meta', meta.shot_num)
  checkWhole('batchSize', options.batchSize)
  checkWhole('concurrency', options.concurrency)
  checkWhole('proposalBatch', options.proposalBatch)
  checkWhole('imageBudget', options.imageBudget)
  checkWhole('limit of untilInformative', options.untilInformative?.limit)
  for (const k of prefixes) {
    if (!Number.isInteger(k) || k < 0 || k > meta.shot_num) {
      throw new InputError(
        `rl-generate: a prefix of ${k} demonstrations of K=${meta.shot_num} cannot be measured; use 0..K`,
      )
    }
  }
  const { recheck = 0 } = options
  if (!(recheck >= 0 && recheck <= 1)) {
    throw new InputError(`rl-generate: recheck is ${recheck}; it is a share, 0..1`)
  }
}

function checkDistinct(examples: readonly Example[], name: string): void {
  const seen = new Set<number>()
  for (const { id } of examples) {
    if (Number.isSafeInteger(id) && id >= 0 && !seen.has(id)) seen.add(id)
    else {
      throw new InputError(
        `rl-generate: id ${id} among the ${name} is ${seen.has(id) ? 'used twice' : 'not a whole number of at most 53 bits'}`,
      )
    }
  }
}

/** The ids that are written with every outcome: RL data takes whole numbers and texts. */
function checkNames(queries: readonly Example[]): void {
  for (const { id, questionId, imageId } of queries) {
    for (const [name, value] of Object.entries({ question_id: questionId, image_id: imageId ?? '' })) {
      if (typeof value === 'string' || Number.isSafeInteger(value)) continue
      throw new InputError(
        `rl-generate: the ${name} of query ${id} is ${String(value)}, which RL data cannot hold; use whole numbers of at most 53 bits, or texts`,
      )
    }
  }
}

function refuseSome(found: readonly Example[], what: string, remedy: string): void {
  const [first] = found
  if (first === undefined) return
  throw new InputError(`rl-generate: ${found.length} ${what} (the first is ${first.id}); ${remedy}`)
}

function checkWhole(name: string, value: number | undefined): void {
  if (value === undefined || value === Infinity || (Number.isInteger(value) && value >= 1)) return
  throw new InputError(`rl-generate: ${name} is ${value}; use a whole number from 1`)
}
