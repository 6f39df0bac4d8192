import { promptsBelow, type PlanNode } from '../prompt/plan.ts'
import { answerRows, type RowAnswer } from './answer-rows.ts'
import { resolveSteps, type Walk } from './plan-steps.ts'
import { joinSegments, type TokenSegment } from './segments.ts'

/** Answers the prompts below a node one by one, each read whole. */
export async function answerWhole(walk: Walk, node: PlanNode, path: readonly TokenSegment[]): Promise<void> {
  const { engine, settings, input } = walk
  const place = { node, row: 0, path }
  const leaves = node.leaves.map((item) => ({ item, place }))
  for (const { item, segment } of await resolveSteps(walk, leaves, ({ prompts }) => prompts)) {
    const segments = [...path, segment]
    for (const prompt of item.prompts) {
      input.check()
      const answer = settings.scoresOnly ? emptyAnswer() : await answerAlone(walk, segments)
      engine.stats.prefillTokens += segments.reduce((sum, { ids }) => sum + ids.length, 0)
      for (const text of item.answers) {
        const { scores, error } = await answerAlone(walk, segments, [input.encodeAnswer(text)])
        answer.scores.push(scores[0]!)
        if (error !== undefined) answer.error ??= error
      }
      report(walk, [prompt], answer)
    }
  }
  const children = node.children.map((item) => ({ item, place }))
  for (const { item, segment } of await resolveSteps(walk, children, promptsBelow)) {
    await answerWhole(walk, item, [...path, segment])
  }
}

/** The answer of one prompt that runs alone and whole; with `answers`, their scores in its place. */
export async function answerAlone(
  { engine, settings, levelBytes, root }: Walk,
  path: readonly TokenSegment[],
  answers: readonly Int32Array[] = [],
): Promise<RowAnswer> {
  const before = engine.stats.prefillTokens
  const scored = answers.length > 0 ? { scoresOnly: true } : {}
  const alone = { ...settings, ...scored, batched: false, blockBytes: levelBytes }
  const row = { parent: 0, segment: joinSegments(path), answers }
  const [answer] = await answerRows(engine, root, [row], alone)
  engine.stats.prefillTokens = before
  return answer!
}

export function report({ input }: Walk, prompts: readonly number[], answer: RowAnswer): void {
  if (answer.error === undefined) input.onAnswer(prompts, answer)
  else input.onError(prompts, answer.error)
}

function emptyAnswer(): RowAnswer {
  return { tokens: [], margin: Infinity, scores: [] }
}
