export { InputError } from './errors.ts'
export { fallbackScore, type FallbackOptions, type FallbackScore } from './fallback.ts'
export { postprocessGeneration } from './generation.ts'
export { cleanAnswer, normalizeAnswer, processDigitArticle, processPunctuation } from './normalize.ts'
export { roundHalfEven } from './python-text.ts'
export {
  SCORE_MODES,
  scoreAnswer,
  type AnswerObject,
  type AnswerScore,
  type ScoreMode,
  type ScoreOptions,
} from './score.ts'
