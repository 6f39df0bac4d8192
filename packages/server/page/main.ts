import { answerCard, NONE } from './answers.ts'
import { KeyWanted, readInfo, useKey, type Info } from './api.ts'
import { make, one } from './dom.ts'
import { imageInput } from './image-input.ts'
import { browseLibrary } from './library.ts'

/** Selectors that are asked for from the start, besides the bundle's own: the nearest examples, chance, and none. */
const COMPARED = ['rices-both', 'rices-text', 'random']
const MOST_SHOWN = 6

const question = one('question', HTMLInputElement)
const shots = one('shots', HTMLInputElement)
const go = one('go', HTMLButtonElement)
let asking: AbortController | undefined
let hasAsked = false

/** Elements and text nodes only are built, never markup. */
const say = (text: string): void => void (one('status').textContent = text)
const fail = (error: Error): void => {
  if (error instanceof KeyWanted) wantKey(error.message)
  else say(error.message)
}

function wantKey(why: string): void {
  one('key-form').hidden = false
  say(why)
  one('key').focus()
}

function chosenSelectors(): string[] {
  return Array.from(
    document.querySelectorAll<HTMLInputElement>('#selectors input:checked'),
    ({ value }) => value,
  )
}

async function ask(): Promise<void> {
  asking?.abort()
  asking = new AbortController()
  const { signal } = asking
  const asked = { image: image.uri, question: question.value.trim(), shots: Number(shots.value) }
  if (asked.image === '') {
    say('Give an image first: drop one, choose a file, or take one of the library.')
    return
  }
  if (asked.question === '') {
    question.focus()
    return
  }
  hasAsked = true
  say('Asking ...')
  const cards = chosenSelectors().map((selector) => answerCard(asked, selector, signal))
  one('answers').replaceChildren(...cards.map(([card]) => card))
  await Promise.all(cards.map(([, filled]) => filled))
  if (!signal.aborted) say(`${cards.length} ${cards.length === 1 ? 'answer' : 'answers'}.`)
}

const again = (): void => {
  if (hasAsked && image.uri !== '') ask().catch(fail)
}

function fillInfo(info: Info): void {
  const { library, examples, selector, note, model, local } = info
  const answers = local ? `the local model ${model}` : 'the upstream server'
  one('facts').textContent =
    `Library: ${library}, ${examples} examples. ${selector} chooses${note === null ? '' : ` (${note})`}, ${answers} answers.`
  shots.value = String(info.shots)
  const names = [...new Set([selector, ...COMPARED.filter((name) => info.selectors.includes(name)), NONE])]
  const others = info.selectors.filter((name) => !names.includes(name))
  const start = new Set(
    names.filter((name) => name !== 'rices-text' || !names.includes('rices-both')).slice(0, MOST_SHOWN),
  )
  one('selectors').replaceChildren(...[...names, ...others].map((name) => choice(name, start.has(name))))
  go.disabled = false
}

function choice(name: string, checked: boolean): HTMLElement {
  const label = make('label')
  const box = make('input')
  box.type = 'checkbox'
  box.value = name
  box.checked = checked
  box.addEventListener('change', again)
  label.append(box, name)
  return label
}

const image = imageInput(again, fail)
browseLibrary((example, blob) => {
  question.value = example.question
  image.set(blob).then(() => (hasAsked ? undefined : ask()), fail)
}, fail)

one('ask').addEventListener('submit', (event) => {
  event.preventDefault()
  ask().catch(fail)
})
shots.addEventListener('change', again)
one('key-form').addEventListener('submit', (event) => {
  event.preventDefault()
  useKey(one('key', HTMLInputElement).value)
  start()
})
const theme = document.querySelector<HTMLSelectElement>('.theme')
theme?.addEventListener('change', () => {
  if (theme.value === '') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme.value
})

function start(): void {
  go.disabled = true
  readInfo().then((info) => {
    one('key-form').hidden = true
    say('')
    fillInfo(info)
  }, fail)
}
start()
