import { InputError } from '@lever/durable-files'

/** An error makes the data unusable; a warning does not. */
export type Severity = 'error' | 'warning'

/** Something wrong with RL data, and where it is. */
export interface Problem {
  readonly severity: Severity
  /** A short stable name, such as `pointer-unknown`. */
  readonly rule: string
  readonly message: string
  readonly queryId?: number | string
  /** Number of the candidate in the query, from 0. */
  readonly candidate?: number
  readonly field?: string
  /** Line in the file, from 1, where known. */
  readonly line?: number
}

/** Where a problem is. */
export type ProblemPlace = Pick<Problem, 'queryId' | 'candidate' | 'field' | 'line'>

/** A message, or a function that makes it when it is listed. */
export type Message = string | (() => string)

/** Where problems are reported to. */
export interface ProblemSink {
  /** Takes what makes the file unusable. */
  error(rule: string, message: Message, place?: ProblemPlace): void
  /** Takes what a reader should know. */
  warn(rule: string, message: Message, place?: ProblemPlace): void
}

/** Collects problems; of each rule only the first `limit` are kept, all are counted. */
export interface ProblemList extends ProblemSink {
  readonly file: string
  readonly errors: number
  readonly warnings: number
  readonly listed: readonly Problem[]
  /** Number of problems of each rule. */
  readonly counts: ReadonlyMap<string, number>
}

/** An empty list of problems of a file. Of every rule the first `limit` places are listed, and all are counted. */
export function createProblemList(file: string, limit = 20): ProblemList {
  const listed: Problem[] = []
  const counts = new Map<string, number>()
  const totals = { error: 0, warning: 0 }
  const add = (severity: Severity, rule: string, message: Message, place: ProblemPlace = {}): void => {
    const count = (counts.get(rule) ?? 0) + 1
    counts.set(rule, count)
    totals[severity]++
    if (count > limit) return
    listed.push({ severity, rule, message: typeof message === 'string' ? message : message(), ...place })
  }
  return {
    file,
    listed,
    counts,
    error: (rule, message, place) => add('error', rule, message, place),
    warn: (rule, message, place) => add('warning', rule, message, place),
    get errors() {
      return totals.error
    },
    get warnings() {
      return totals.warning
    },
  }
}

/** "file.json, line 3: query 42, candidate 3: ..." */
export function formatProblem(file: string, problem: Problem): string {
  const { queryId, candidate, line, message } = problem
  const where = [
    ...(queryId === undefined ? [] : [`query ${queryId}`]),
    ...(candidate === undefined ? [] : [`candidate ${candidate}`]),
  ].join(', ')
  return `${file}${line === undefined ? '' : `, line ${line}`}: ${where === '' ? '' : `${where}: `}${message}`
}

/** An error about a file, which keeps what is wrong apart from where; `join` stands between the two. */
export function problemIn(file: string, detail: string, join = ': '): InputError {
  return new InputError(`rl-dataset: ${file}${join}${detail}`, { detail })
}

/** Throws InputError with the first error of the list, and the number of the others; nothing when there is none. */
export function throwFirstError(problems: ProblemList): void {
  if (problems.errors === 0) return
  const first = problems.listed.find(({ severity }) => severity === 'error')!
  const others = problems.errors - 1
  const more =
    others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'error' : 'errors'}; validate lists them)`
  throw new InputError(`rl-dataset: ${formatProblem(problems.file, first)}${more}`)
}
