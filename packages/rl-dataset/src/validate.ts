import { detailOf, isInputError } from '@lever/durable-files'
import { createProblemList, formatProblem, type Problem } from './problems.ts'
import type { RlSource } from './source.ts'
import { splitByImage, type SplitItem } from './split.ts'

/** Every problem of a file. With errors, the file cannot be used. */
export interface Validation {
  readonly file: string
  readonly form: 'json' | 'jsonl' | null
  readonly queries: number
  readonly candidates: number
  readonly errors: number
  readonly warnings: number
  readonly problems: readonly Problem[]
  /** Number of problems of each rule; more than are listed when there are very many. */
  readonly counts: Readonly<Record<string, number>>
}

/**
 * Reads all queries of a file and lists its problems. A file that cannot be opened at all is one error; `open` is
 * `() => openRlFile(path)`.
 */
export function validateRlData(file: string, open: () => RlSource): Validation {
  let source: RlSource
  try {
    source = open()
  } catch (error) {
    if (!isInputError(error)) throw error
    const problems = createProblemList(file)
    problems.error('unreadable', error.detail)
    return { ...summarize(problems), form: null, queries: 0, candidates: 0 }
  }
  let candidates = 0
  const items: SplitItem[] = []
  for (const { query_id, query, pointer_candidates } of source.queries()) {
    candidates += pointer_candidates.length
    items.push({ queryId: query_id, imageId: query.image_id ?? null })
  }
  checkSplit(source, items)
  return { ...summarize(source.problems), form: source.form, queries: items.length, candidates }
}

/** A validation as text for people: one line per problem, then the counts. */
export function renderValidation({
  file,
  problems,
  errors,
  warnings,
  queries,
  candidates,
  counts,
}: Validation): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const hidden = total - problems.length
  return [
    ...problems.map((problem) => `${problem.severity}: ${formatProblem(file, problem)} [${problem.rule}]`),
    ...(hidden > 0
      ? [
          `and ${hidden} more: ${Object.entries(counts)
            .map(([rule, count]) => `${count} ${rule}`)
            .join(', ')}`,
        ]
      : []),
    `${file}: ${[
      counted(queries, 'query', 'queries'),
      counted(candidates, 'candidate'),
      counted(errors, 'error'),
      counted(warnings, 'warning'),
    ].join(', ')}`,
  ].join('\n')
}

const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

function checkSplit({ meta, problems, file }: RlSource, items: readonly SplitItem[]): void {
  try {
    const { unassigned, by } = splitByImage(items, { meta, file })
    if (by === 'meta' && unassigned.length > 0) {
      problems.warn('split', `${unassigned.length} queries are in none of train_ids, val_ids and test_ids`, {
        field: '_meta',
      })
    }
  } catch (error) {
    problems.error('split', detailOf(error), { field: '_meta' })
  }
}

function summarize({
  file,
  errors,
  warnings,
  listed,
  counts,
}: RlSource['problems']): Omit<Validation, 'form' | 'queries' | 'candidates'> {
  return { file, errors, warnings, problems: listed, counts: Object.fromEntries(counts) }
}
