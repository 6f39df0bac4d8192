import type { Interval } from './clusters.ts'
import type { QuestionId } from './question-id.ts'
import type { ScoreMode, ScoreOptions } from './score.ts'
import type { Subset } from './subset.ts'

/** How results are scored. */
export interface EvaluateOptions extends ScoreOptions {
  /** Score what both files have instead of refusing files that differ in ids. Default false. */
  readonly allowPartial?: boolean
  /** Which questions count. Default all. */
  readonly subset?: Subset
}

/** The accuracy of one question. */
export interface QuestionScore {
  readonly questionId: QuestionId
  readonly imageId: QuestionId | null
  /** How this question was scored. */
  readonly mode: ScoreMode
  /** 0..1, not rounded. */
  readonly accuracy: number
  /** 0..100, rounded as the official tool does. */
  readonly accuracyPct: number
  /** Whether the normaliser ran. */
  readonly processed: boolean
  /** As it stands in the results. */
  readonly prediction: string
}

/** Scores of single questions, made when they are asked for; can be iterated again and again. */
export interface QuestionScores extends Iterable<QuestionScore> {
  readonly length: number
  /** The score at a place, made when it is asked for. */
  at(index: number): QuestionScore
}

/** The accuracy of a results file. */
export interface Evaluation {
  readonly mode: ScoreMode
  /** 0..100, two decimals, as the official tool rounds. Over n questions, those without a prediction counting 0. */
  readonly overall: number
  readonly overallRaw: number
  /** The same over the answered questions alone; differs only with `allowPartial`. */
  readonly overallAnswered: number
  readonly perQuestionType: Readonly<Record<string, number>>
  readonly perAnswerType: Readonly<Record<string, number>>
  readonly counts: {
    readonly perQuestionType: Readonly<Record<string, number>>
    readonly perAnswerType: Readonly<Record<string, number>>
  }
  /** Questions in `overall`. */
  readonly n: number
  /** Share of the chosen questions that have a prediction. */
  readonly coverage: number
  readonly answered: number
  readonly missing: number
  /** Predictions for questions that are not annotated. */
  readonly unexpected: number
  /** Questions predicted more than once; the last prediction counts. */
  readonly duplicates: number
  /** A-OKVQA: questions left out because `difficult_direct_answer` is set. */
  readonly dropped: number
  /** 95 % of `overall`, clustered by image; null with fewer than two images. */
  readonly interval: Interval | null
  /**
   * Mode `official`: questions that were compared without normalising because all humans agree, and how many
   * points `overall` would gain if they had been normalised.
   */
  readonly unprocessed: { readonly n: number; readonly share: number; readonly cost: number } | null
  /** Questions scored by string match, which are not in `overall` unless the mode is `fallback`. */
  readonly fallback: { readonly n: number; readonly overall: number | null }
  /** Answered questions, in the order in which they were summed. */
  readonly perQuestion: QuestionScores
  readonly warnings: readonly string[]
}
