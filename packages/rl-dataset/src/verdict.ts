import type { Description } from './description.ts'

/** What the numbers of a description mean for training, most important first. One sentence each. */
export function verdictOf(description: Omit<Description, 'verdict'>): string[] {
  const { candidates, queries, rewards, evalModes, flags, oracle, pool, duplicates, expected } = description
  if (queries === 0) return ['There is no query: nothing can be learnt.']
  if (candidates === 0) return ['No query has a candidate: nothing can be learnt.']
  const groups = rewards.informative + rewards.flat + rewards.single
  if (groups === 0)
    return [`No query can be used: ${rewards.problem ?? 'every candidate is left out (see vqa_eval_mode)'}`]

  const sentences = [teaching(rewards, groups)]
  if (rewards.unusable > 0) {
    const why = rewards.problem === null ? '' : ` (first: ${rewards.problem})`
    sentences.push(`${rewards.unusable} of ${queries} queries cannot be used at all${why}.`)
  }
  if (oracle.best !== null && oracle.mean !== null) {
    sentences.push(
      `A perfect choice among the measured pointers scores ${percent(oracle.best)}, a blind one ${percent(oracle.mean)}` +
        (oracle.best - oracle.mean < 0.02 ? ': there is almost nothing to win by choosing.' : '.'),
    )
  }
  if (expected !== null && expected.groups > 0) {
    const { groups, flat, accuracyFlat } = expected
    const more = accuracyFlat === null ? 0 : accuracyFlat - flat
    sentences.push(
      `The expected accuracy differs within ${percent((groups - flat) / groups)} of the groups` +
        (accuracyFlat === null ? '.' : `, the accuracy within ${percent((groups - accuracyFlat) / groups)}`) +
        (accuracyFlat === null ? '' : more > 0 ? ': learn from it (--reward-mode expected_accuracy).' : '.'),
    )
  }
  const fallback = evalModes.find(({ mode }) => mode === 'fallback')
  if (fallback)
    sentences.push(
      `${percent(fallback.share)} of the outcomes were scored by the string matcher; training skips them unless told otherwise.`,
    )
  const unknown = evalModes.find(({ mode }) => mode === 'unknown')
  if (unknown && oracle.best !== null)
    sentences.push(
      `For ${percent(unknown.share)} of the outcomes the file does not say how they were scored; they are used.`,
    )
  if (flags.transferred > 0)
    sentences.push(
      `${flags.transferred} outcomes were copied from other queries; training skips them unless told otherwise.`,
    )
  if (flags.derived > 0)
    sentences.push(`vqa_correct of ${flags.derived} candidates was made of vqa_acc_score > 0.`)
  if (pool.given < queries) {
    sentences.push(
      `${queries - pool.given} queries have no pool; the union of their pointers stands in (${pool.mean.toFixed(1)} candidates on average).`,
    )
  }
  if (duplicates.sameOrder > 0) {
    const odd = duplicates.contradicting > 0 ? `, ${duplicates.contradicting} with another accuracy` : ''
    sentences.push(`${duplicates.sameOrder} candidates repeat a pointer of their query${odd}.`)
  }
  return sentences
}

function teaching(rewards: Description['rewards'], groups: number): string {
  const share = rewards.zeroVarianceShare ?? 0
  if (share === 0) return `All ${groups} groups can teach: in each the rewards differ.`
  const reasons = [
    [rewards.flatWrong, 'every answer is wrong'],
    [rewards.flatRight, 'every answer is right'],
    [rewards.flatBetween, 'every answer has the same score'],
    [rewards.single, 'there is only one pointer'],
  ] as const
  const listed = reasons
    .filter(([number]) => number > 0)
    .map(([number, why]) => `in ${percent(number / groups)} ${why}`)
  const advice =
    share > 0.5
      ? ' Propose more different pointers, or choose queries with mixed answers (filter mixed).'
      : ''
  return `${percent(share)} of the groups teach nothing: ${listed.join(', ')}.${advice}`
}

function percent(share: number): string {
  const value = 100 * share
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.round(value)} %`
}
