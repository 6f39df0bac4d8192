import type { Example } from '@lever/vqa-dataset'
import { distinctAnswers, expectedScore, officialScore, shareLeftOut } from '@lever/vqa-eval'
import type { OfficialScore, Score, ScoreExpected } from '@lever/vqa-eval'

/** What `lever generate` measures of every prompt. */
export const REWARDS = ['accuracy', 'expected', 'both'] as const

export interface RewardSettings {
  readonly reward: (typeof REWARDS)[number]
  /** Different human answers that are scored for the expected accuracy; undefined for all. */
  readonly maxAnswers: number | undefined
  readonly allowFallback: boolean
  readonly relScore: boolean
}

type ScoreExpectedToo = (...args: Parameters<ScoreExpected>) => Score

/** How prompts are asked and scored. */
export interface RewardPlan {
  readonly score: OfficialScore | ScoreExpected | ScoreExpectedToo
  /** The human answers whose log-probabilities are wanted; undefined where none are. */
  readonly scoreAnswers: ((query: Partial<Pick<Example, 'answers'>>) => string[]) | undefined
  readonly scoresOnly: boolean
  /** What of it is part of the data's meaning, for `_meta.generator`. */
  readonly generator: Readonly<Record<string, unknown>>
}

/** Expected accuracy (E) asks for the probabilities of the human answers; E alone decodes nothing. */
export function rewardPlan({ reward, maxAnswers, allowFallback, relScore }: RewardSettings): RewardPlan {
  const isExpected = reward !== 'accuracy'
  const scoresOnly = reward === 'expected'
  const official = officialScore({ allowFallback, relScore })
  const expected = expectedScore({ allowFallback })
  const both: ScoreExpectedToo = (text, question, answer) => ({
    ...official(text, question),
    gtProb: expected(text, question, answer).gtProb,
  })
  return {
    score: { accuracy: official, expected, both }[reward],
    scoreAnswers: isExpected ? ({ answers = [] }) => distinctAnswers(answers, maxAnswers) : undefined,
    scoresOnly,
    generator: {
      ...(isExpected && { gt_prob: true }),
      ...(scoresOnly && { decoded: false }),
      ...(isExpected && maxAnswers !== undefined && { max_answers: maxAnswers }),
      ...(relScore && { rel_score: true }),
    },
  }
}

/** What a bound on the scored answers leaves out, in words; undefined where it leaves out nothing. */
export function leftOutText(
  queries: readonly Pick<Example, 'answers'>[],
  maxAnswers: number | undefined,
): string | undefined {
  if (maxAnswers === undefined) return undefined
  const shares = queries.map(({ answers }) => shareLeftOut(answers, maxAnswers))
  const touched = shares.filter((share) => share > 0)
  if (touched.length === 0) return undefined
  const mean = touched.reduce((sum, share) => sum + share, 0) / shares.length
  return `--max-answers ${maxAnswers} leaves out human answers of ${touched.length} of ${shares.length} questions, ${(100 * mean).toFixed(1)} % of all humans (at most ${Math.round(100 * touched.reduce((a, b) => Math.max(a, b), 0))} % of a question's); they count as wrong in the expected accuracy`
}
