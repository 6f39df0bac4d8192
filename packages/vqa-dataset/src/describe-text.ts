import { printableLine } from '@lever/terminal'
import type { DatasetDescription, ImageLeakage, Share, Spread } from './describe-dataset.ts'

/** A description for people. */
export function formatDataset(description: DatasetDescription): string {
  const { name, split, form, questions, images, answers, baselines, metric, notices } = description
  const { found, missing } = images
  const lines = [
    `${printableLine([name, split].filter((part) => part !== '').join(' '))} (${form}), ${description.hash.slice(0, 12)}`,
    '',
    `questions   ${questions.count}, ${one(questions.words.mean)} words each${questions.withChoices > 0 ? `, ${questions.withChoices} with choices` : ''}`,
    `images      ${images.count}, ${range(images.questionsEach)} questions each; ${found === 0 ? 'no file is there' : `the files of ${found} questions are there`}`,
    ...(missing.count > 0 && found > 0
      ? [
          `missing     ${missing.count} images: ${printableLine(missing.first.join(', '))}${missing.count > 10 ? ', ...' : ''}`,
        ]
      : []),
  ]
  if (baselines === null) return [...lines, 'answers     none', ...warnings(notices)].join('\n')
  return [
    ...lines,
    `answers     of ${answers.questions} questions, ${range(answers.each)} each; ${answers.distinct} different references`,
    `agreement   ${percent(answers.agreement)} of the humans give the most frequent answer; ${percent(answers.unanimous)} of the questions are unanimous`,
    `metric      ${metric === 'aokvqa' ? 'A-OKVQA direct answers' : 'official VQA accuracy'}`,
    `ceiling     ${baselines.ceiling.toFixed(2)}, the best answer to every question`,
    `majority    ${baselines.majority.accuracy.toFixed(2)}, always "${printableLine(baselines.majority.answer)}"`,
    ...(baselines.ceiling < 50 && answers.each.max < 4
      ? ['            with fewer than four answers a right answer scores below 100; see --allow-fallback']
      : []),
    '',
    ...table('answer type', answers.types),
    ...table('question type', questions.types, 12),
    ...table('reference answer', answers.top),
    ...warnings(notices),
  ]
    .join('\n')
    .trimEnd()
}

/** What splits share, for people; `names` are those of the datasets. */
export function formatLeakage(leakage: readonly ImageLeakage[], names: readonly string[]): string {
  return leakage
    .map(({ between: [a, b], images, questions, sameQuestions }) => {
      const pair = `${printableLine(names[a]!)} and ${printableLine(names[b]!)}`
      if (images === 0 && sameQuestions === 0) return `${pair} share no image`
      return `${pair} share ${images} images (${questions[0]} and ${questions[1]} questions are about them) and ${sameQuestions} question ids`
    })
    .join('\n')
}

function table(title: string, shares: readonly Share[], limit = 10): string[] {
  if (shares.length < 2 && (shares[0]?.name ?? '') === '') return []
  const shown = shares.slice(0, limit).map((share) => ({ ...share, name: printableLine(share.name) }))
  const width = Math.max(title.length, ...shown.map(({ name }) => name.length))
  const more = shares.length - shown.length
  return [
    `${title.padEnd(width)}  questions`,
    ...shown.map(
      ({ name, count, share }) =>
        `${(name || '(none)').padEnd(width)}  ${String(count).padStart(9)}  ${percent(share).padStart(6)}`,
    ),
    ...(more > 0 ? [`and ${more} more`] : []),
    '',
  ]
}

function warnings(notices: readonly string[]): string[] {
  return notices.map((notice) => `note: ${printableLine(notice)}`)
}

function range({ min, mean, max }: Spread): string {
  return min === max ? String(min) : `${min} to ${max}, mean ${one(mean)}`
}

function one(value: number): string {
  return value.toFixed(1)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
