import { complete, promptText, select, type Demonstration, type Question } from './api.ts'
import { make, makeOwn } from './dom.ts'
import { pictureOf } from './pictures.ts'

/** What stands for a question alone, without demonstrations. */
export const NONE = 'none'

/** The usual ones in words. */
const ABOUT: Readonly<Record<string, string>> = {
  policy: 'the trained policy',
  'rices-both': 'nearest by image and question',
  'rices-image': 'nearest by image',
  'rices-text': 'nearest by question',
  mmr: 'near, but different from one another',
  bm25: 'questions with the same words',
  random: 'by chance',
  [NONE]: 'the question alone',
}

/** A card that fills as the choice and the answer come. Resolves when both are there. */
export function answerCard(
  asked: Question,
  selector: string,
  signal: AbortSignal,
): [HTMLElement, Promise<void>] {
  const card = make('article', 'card')
  const said = make('p', 'answer waiting', '...')
  const list = make('ol', 'shots')
  const facts = make('p', 'quiet')
  const head = make('h3', '', selector === NONE ? 'no demonstrations' : selector)
  card.append(head, make('small', '', ABOUT[selector] ?? ''), said, facts, list)
  card.setAttribute('aria-busy', 'true')

  const fill = async (): Promise<void> => {
    const begun = performance.now()
    try {
      if (selector !== NONE) {
        const selection = await select(asked, selector, signal)
        const { demonstrations, note, messages } = selection
        const chosen = Math.round(performance.now() - begun)
        facts.textContent = [`${demonstrations.length} chosen in ${chosen} ms`, note]
          .filter(Boolean)
          .join('; ')
        list.append(...demonstrations.map(shown))
        card.append(prompt(promptText(messages)))
      }
      const { choices, model } = await complete(asked, selector === NONE ? undefined : selector, signal)
      const text = choices[0]?.message.content ?? ''
      said.replaceChildren(text.trim() === '' ? make('em', '', 'no answer') : makeOwn('q', text))
      said.className = 'answer'
      const after = `answered by ${model} after ${Math.round(performance.now() - begun)} ms`
      facts.textContent = [facts.textContent, after].filter(Boolean).join('; ')
    } catch (error) {
      if (signal.aborted) return
      card.classList.add('failed')
      said.className = 'loss'
      said.textContent = (error as Error).message
    } finally {
      card.removeAttribute('aria-busy')
    }
  }
  return [card, fill()]
}

function shown({ id, question, answer, score, similarity }: Demonstration): HTMLElement {
  const item = make('li')
  const facts = [
    score === null ? '' : `score ${score.toFixed(3)}`,
    similarity === null ? '' : `similarity ${similarity.toFixed(3)}`,
  ]
  item.append(
    pictureOf(id),
    makeOwn('div', question),
    makeOwn('strong', answer),
    make('div', 'facts', `example ${id}`),
    ...facts.filter(Boolean).map((fact) => make('div', 'facts', fact)),
  )
  return item
}

function prompt(text: string): HTMLElement {
  const box = make('details')
  const body = make('pre', '', text)
  body.tabIndex = 0
  box.append(make('summary', '', 'Prompt'), body)
  return box
}
