import type { ReportExamples } from '../src/report/examples.ts'
import { cardOf } from './card.ts'
import type { View } from './card.ts'
import { all, make, one } from './dom.ts'
import { matches, pageOf } from './filter.ts'

const PAGE_SIZE = 10

interface Browser {
  readonly runs: readonly ReportExamples[]
  readonly root: HTMLElement
  /** Undefined where there is one run. */
  readonly chooser: HTMLSelectElement | undefined
  page: number
}

type FieldName = 'focus' | 'against' | 'outcome' | 'questionType' | 'answerType' | 'text'

/** The browser of examples: filters and pages over the JSON that the page holds. */
export function fillExamples(): void {
  const source = document.getElementById('examples-data')
  if (source === null) return
  const root = one('#examples')
  const runs = JSON.parse(source.textContent) as readonly ReportExamples[]
  const chooser = root.querySelector<HTMLSelectElement>('[data-filter=run]') ?? undefined
  const browser: Browser = { runs, root, chooser, page: 0 }
  for (const field of all('[data-filter]', root)) {
    field.addEventListener('input', () => {
      browser.page = 0
      if (field === chooser) fillChoices(browser)
      draw(browser)
    })
  }
  one('form', root).addEventListener('submit', (event) => event.preventDefault())
  for (const button of all<HTMLButtonElement>('[data-page]', root)) {
    button.addEventListener('click', () => {
      browser.page += Number(button.dataset['page'])
      draw(browser)
      one('.status', root).scrollIntoView({ block: 'nearest' })
    })
  }
  one('[data-shown]', root).addEventListener('input', () => draw(browser))
  fillChoices(browser)
  draw(browser)
}

function runOf({ runs, chooser }: Browser): ReportExamples {
  const run = runs[Number(chooser?.value ?? 0)]
  if (run === undefined) throw new Error('the page has no examples of this run')
  return run
}

function valueOf({ root }: Browser, name: FieldName): string {
  return name === 'text'
    ? one('[data-filter=text]', root, HTMLInputElement).value
    : one(`[data-filter=${name}]`, root, HTMLSelectElement).value
}

/** The choices of a run: types of its questions, names of its selectors. */
function fillChoices({ root, ...browser }: Browser): void {
  const { questions, selectors, first } = runOf({ root, ...browser })
  for (const name of ['questionType', 'answerType'] as const) {
    const values = [...new Set(questions.map((question) => question[name]))].filter(Boolean).sort()
    const field = one(`[data-filter=${name}]`, root, HTMLSelectElement)
    field.length = 1
    field.append(...values.map((value) => new Option(value, value)))
    const label = field.closest('label')
    if (label !== null) label.hidden = values.length < 2
  }
  for (const [i, name] of ['focus', 'against'].entries()) {
    const field = one(`[data-filter=${name}]`, root, HTMLSelectElement)
    field.replaceChildren(...selectors.map((selector, at) => new Option(selector, String(at))))
    field.value = String(i)
  }
  const legend = make('legend', '', 'Selectors shown')
  const switches = selectors.map((selector, at) => {
    const label = make('label')
    const box = make('input')
    box.type = 'checkbox'
    box.value = String(at)
    box.checked = at < first
    label.append(box, ` ${selector}`)
    return label
  })
  one('[data-shown]', root).replaceChildren(legend, ...switches)
}

/** The compared selectors are always shown. */
function viewOf(browser: Browser): View {
  const [focus, against] = [Number(valueOf(browser, 'focus')), Number(valueOf(browser, 'against'))]
  const checked = all<HTMLInputElement>('[data-shown] input:checked', browser.root)
  return { focus, against, shown: new Set([focus, against, ...checked.map(({ value }) => Number(value))]) }
}

function draw(browser: Browser): void {
  const run = runOf(browser)
  const wanted = {
    outcome: valueOf(browser, 'outcome'),
    questionType: valueOf(browser, 'questionType'),
    answerType: valueOf(browser, 'answerType'),
    text: valueOf(browser, 'text'),
  }
  const view = viewOf(browser)
  const found = run.questions.filter((question) => matches(question, wanted, view))
  const { page, pages, shown } = pageOf(found, browser.page, PAGE_SIZE)
  browser.page = page
  one('.cards', browser.root).replaceChildren(...shown.map((question) => cardOf(run, question, view)))
  one('.status', browser.root).textContent =
    found.length === 0
      ? 'No question matches.'
      : `${found.length} ${found.length === 1 ? 'question' : 'questions'}, page ${page + 1} of ${pages}`
  for (const button of all<HTMLButtonElement>('[data-page]', browser.root)) {
    const next = page + Number(button.dataset['page'])
    button.disabled = next < 0 || next >= pages
  }
}
