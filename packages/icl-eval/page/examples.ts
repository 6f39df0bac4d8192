import type { ReportExamples } from '../src/report/examples.ts'
import { cardOf } from './card.ts'
import { all, one } from './dom.ts'
import { matches, pageOf } from './filter.ts'

const PAGE_SIZE = 10

interface Browser {
  readonly runs: readonly ReportExamples[]
  readonly root: HTMLElement
  /** Undefined where there is one run. */
  readonly chooser: HTMLSelectElement | undefined
  page: number
}

type FieldName = 'outcome' | 'questionType' | 'answerType' | 'text'

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
      if (field === chooser) fillTypes(browser)
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
  fillTypes(browser)
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
function fillTypes(browser: Browser): void {
  const { questions, selectors } = runOf(browser)
  for (const name of ['questionType', 'answerType'] as const) {
    const values = [...new Set(questions.map((question) => question[name]))].filter(Boolean).sort()
    const field = one(`[data-filter=${name}]`, browser.root, HTMLSelectElement)
    field.length = 1
    field.append(...values.map((value) => new Option(value, value)))
    const label = field.closest('label')
    if (label !== null) label.hidden = values.length < 2
  }
  for (const [i, name] of ['focus', 'against'].entries()) {
    one(`[data-name=${name}]`, browser.root).textContent = selectors[i] ?? ''
  }
}

function draw(browser: Browser): void {
  const run = runOf(browser)
  const wanted = {
    outcome: valueOf(browser, 'outcome'),
    questionType: valueOf(browser, 'questionType'),
    answerType: valueOf(browser, 'answerType'),
    text: valueOf(browser, 'text'),
  }
  const found = run.questions.filter((question) => matches(question, wanted))
  const { page, pages, shown } = pageOf(found, browser.page, PAGE_SIZE)
  browser.page = page
  one('.cards', browser.root).replaceChildren(...shown.map((question) => cardOf(run, question)))
  one('.status', browser.root).textContent =
    found.length === 0
      ? 'No question matches.'
      : `${found.length} ${found.length === 1 ? 'question' : 'questions'}, page ${page + 1} of ${pages}`
  for (const button of all<HTMLButtonElement>('[data-page]', browser.root)) {
    const next = page + Number(button.dataset['page'])
    button.disabled = next < 0 || next >= pages
  }
}
