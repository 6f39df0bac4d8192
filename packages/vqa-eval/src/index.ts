export { describe } from './describe.ts'
export { explainRepeats } from './correspondence.ts'
export { clusteredInterval, type Interval } from './clusters.ts'
export { compareEvaluations, type Comparison, type Flip } from './comparison.ts'
export { InputError, isInputError } from '@lever/durable-files/input-error'
export {
  evaluateResults,
  type Annotation,
  type EvaluateInput,
  type Prediction,
  type QuestionFile,
} from './evaluate-results.ts'
export type { EvaluateOptions, Evaluation, QuestionScore, QuestionScores } from './evaluation.ts'
export { distinctAnswers, expectedAccuracy, shareLeftOut, type ScoredAnswer } from './expected-accuracy.ts'
export { fallbackScore, type FallbackOptions, type FallbackScore } from './fallback.ts'
export { postprocessGeneration } from './generation.ts'
export { mostFrequent } from './most-frequent.ts'
export { cleanAnswer, normalizeAnswer, processDigitArticle, processPunctuation } from './normalize.ts'
export {
  expectedScore,
  metricOf,
  OFFICIAL_METRIC,
  officialScore,
  type ExpectedScore,
  type ExpectedScoreOptions,
  type OfficialScore,
  type OfficialScoreOptions,
  type Score,
  type ScoreExpected,
} from './official-score.ts'
export { roundHalfEven } from './python-text.ts'
export { canonicalId, formatId, narrowId, type QuestionId } from './question-id.ts'
export { evaluationJson, formatComparison, formatEvaluation, perQuestionLines } from './report.ts'
export {
  compareAnswers,
  directAccuracy,
  SCORE_MODES,
  scoreAnswer,
  type AnswerObject,
  type AnswerScore,
  type ScoreMode,
  type ScoreOptions,
  type TextForms,
} from './score.ts'
export { answerSimilarity, sequenceSimilarity, type AnswerSimilarity } from './similarity.ts'
export type { Subset } from './subset.ts'
