import type { Summary } from '../summary/types.ts'
import type { EvaluationRow } from '../types.ts'
import type { ReportExamples } from './examples.ts'
import type { RewardDescription } from './rewards.ts'

/** What `report.html` shows. What a run lacks is left out, a section that no run has too. */
export interface ReportInput {
  readonly title: string
  /** One paragraph under the title. */
  readonly intro?: string
  /** One run, or several to compare. */
  readonly runs: readonly ReportRun[]
}

/** A run as the report shows it. */
export interface ReportRun {
  /** Shown where there are several runs. */
  readonly name: string
  /** Missing for a run that only trained or measured. */
  readonly summary?: Summary
  /** For the table by question type and answer type. */
  readonly rows?: readonly EvaluationRow[]
  /** How it was measured: protocol, hashes, seeds, versions, reads of the test split. */
  readonly facts?: readonly Fact[]
  /** What a reader must be warned of: leakage, fallback scoring, repeated reads of the test split. */
  readonly warnings?: readonly string[]
  readonly curves?: readonly Curve[]
  readonly rewards?: RewardDescription
  /** Trainings that were compared with each other. */
  readonly ranking?: RankingTable
  readonly examples?: ReportExamples
  readonly pilot?: PilotTables
}

/** What a pilot found: `pilotTables` of rl-generate. */
export interface PilotTables {
  readonly verdict: string
  readonly reasons: readonly string[]
  readonly tables: readonly {
    readonly title: string
    readonly header: readonly string[]
    readonly rows: readonly (readonly string[])[]
  }[]
  readonly notes: readonly string[]
}

/** Trainings in rows, the best first. */
export interface RankingTable {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** So many columns are names, the others figures. */
  readonly text: number
  /** What the figures are, as sentences. */
  readonly notes: readonly string[]
}

/** A line of the facts about a run. */
export interface Fact {
  readonly label: string
  readonly value: string
}

/** One quantity of training over steps or epochs. */
export interface Curve {
  /** For example `loss`. Curves of one name of several runs share a plot. */
  readonly name: string
  /** Shown on the axis, for example `nats`. */
  readonly unit?: string
  /** What x counts: `step` or `epoch`. */
  readonly x: string
  readonly series: readonly CurveSeries[]
}

/** One line of a curve. */
export interface CurveSeries {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}
