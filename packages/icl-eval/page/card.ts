import type { ReportExamples, ShownPick, ShownQuestion } from '../src/report/examples.ts'
import { make, makeOwn } from './dom.ts'
import { outcomeOf } from './filter.ts'
import type { Pair } from './filter.ts'

/** Which selectors are shown and which two are compared. */
export interface View extends Pair {
  readonly shown: ReadonlySet<number>
}

/** A question with what each selector chose and what the model then answered. */
export function cardOf(run: ReportExamples, question: ShownQuestion, view: View): HTMLElement {
  const { id, questionType, answerType } = question
  const outcome = outcomeOf(question, view)
  const box = make('article', 'card')
  const asked = make('div', 'asked')
  const words = make('div')
  words.append(
    makeOwn('h3', question.question),
    ...(outcome === undefined ? [] : [make('span', `badge ${outcome}`, outcome)]),
    humanAnswers(question),
    make('small', '', [`question ${id}`, questionType, answerType].filter(Boolean).join(' · ')),
  )
  asked.append(pictureOf(run, question.image, `image of question ${id}`), words)
  const picks = make('div', 'picks')
  const seen = question.picks.filter(({ selector }) => view.shown.has(selector))
  picks.append(...seen.map((pick) => pickBlock(run, pick)))
  box.append(asked, picks)
  return box
}

function pictureOf({ images }: ReportExamples, index: number, alt: string): HTMLElement {
  const uri = images[index]
  if (uri === undefined) return make('span', 'none', 'no image')
  const image = make('img')
  image.src = uri
  image.alt = alt
  return image
}

function humanAnswers({ humans }: ShownQuestion): HTMLElement {
  const line = make('p', '', 'Human answers: ')
  humans.forEach(([answer, count], i) => {
    line.append(i > 0 ? ', ' : '', answerText('bdi', answer))
    if (count > 1) line.append(` ×${count}`)
  })
  return line
}

function answerText(tag: 'bdi' | 'q', answer: string): HTMLElement {
  return answer.trim() === '' ? make('em', '', 'no answer') : makeOwn(tag, answer)
}

function pickBlock(
  run: ReportExamples,
  { selector, demonstrations, answer, accuracy }: ShownPick,
): HTMLElement {
  const block = make('div', 'pick')
  const said = make('p', 'said')
  said.append(answerText('q', answer), ' ', badgeOf(accuracy))
  block.append(make('h4', '', run.selectors[selector] ?? ''), said)
  if (demonstrations.length === 0) {
    block.append(make('small', '', 'no demonstrations'))
    return block
  }
  const list = make('ol', 'shots')
  list.append(...demonstrations.map((at) => shownItem(run, at)))
  block.append(list)
  return block
}

function badgeOf(accuracy: number | null): HTMLElement {
  if (accuracy === null) return make('span', 'badge loss', 'failed')
  const look = accuracy === 0 ? 'loss' : accuracy >= 0.5 ? 'win' : 'tie'
  return make('span', `badge ${look}`, `${(100 * accuracy).toFixed(0)} %`)
}

function shownItem(run: ReportExamples, at: number): HTMLElement {
  const item = make('li')
  const shown = run.shown[at]
  if (shown === undefined) return item
  const { id, image, question, answer } = shown
  item.append(
    pictureOf(run, image, `image of example ${id}`),
    makeOwn('div', question),
    makeOwn('strong', answer),
  )
  return item
}
