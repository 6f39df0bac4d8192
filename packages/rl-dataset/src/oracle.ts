import { pickOptions } from '@lever/durable-files/known-options'
import { largest, meanOf } from './counting.ts'
import { candidateFilter, type SelectOptions, SELECT_OPTIONS } from './select.ts'
import { accuracyOf, isScored, type RlQuery } from './types.ts'

/** What the best choice among the measured pointers would reach. */
export interface OracleStatistics {
  /** Mean accuracy of the candidates, averaged per query. */
  readonly mean: number | null
  /** Mean over the queries of the best accuracy among their candidates, with all K demonstrations. */
  readonly best: number | null
  /** The same with the first k demonstrations, where the data has prefix outcomes. */
  readonly perShots: readonly {
    readonly k: number
    readonly queries: number
    readonly mean: number | null
    readonly best: number | null
  }[]
}

/** What the best and the average choice among the measured pointers score, over the candidates that training would use. */
export function oracleOf(queries: readonly RlQuery[], options: SelectOptions = {}): OracleStatistics {
  const reject = candidateFilter(pickOptions(options, SELECT_OPTIONS))
  const perQuery: number[][] = []
  const prefixes = new Map<number, number[][]>()
  for (const { pointer_candidates } of queries) {
    const usable = pointer_candidates.filter((candidate) => reject(candidate) === undefined)
    const accuracies = usable.filter(isScored).map(accuracyOf)
    if (accuracies.length > 0) perQuery.push(accuracies)
    for (const [k, list] of prefixAccuracies(usable)) {
      const lists = prefixes.get(k)
      if (lists) lists.push(list)
      else prefixes.set(k, [list])
    }
  }
  return {
    ...meanAndBest(perQuery),
    perShots: [...prefixes]
      .sort(([a], [b]) => a - b)
      .map(([k, lists]) => ({ k, queries: lists.length, ...meanAndBest(lists) })),
  }
}

function prefixAccuracies(candidates: RlQuery['pointer_candidates']): Map<number, number[]> {
  const byK = new Map<number, number[]>()
  for (const { shots = [] } of candidates) {
    for (const { k, vqa_acc_score } of shots) {
      if (typeof vqa_acc_score !== 'number') continue
      const list = byK.get(k)
      if (list) list.push(vqa_acc_score)
      else byK.set(k, [vqa_acc_score])
    }
  }
  return byK
}

function meanAndBest(lists: readonly number[][]): { mean: number | null; best: number | null } {
  return {
    mean: meanOf(lists.map((accuracies) => meanOf(accuracies)!)),
    best: meanOf(lists.map(largest)),
  }
}
