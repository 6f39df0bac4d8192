import { imageOf, listExamples, type Example } from './api.ts'
import { make, makeOwn, one } from './dom.ts'
import { pictureOf } from './pictures.ts'

const LISTED = 24

/** The browser of the library. @param take is given the example that was picked, and its image */
export function browseLibrary(
  take: (example: Example, image: Blob) => void,
  fail: (error: Error) => void,
): void {
  const box = one('library', HTMLDetailsElement)
  const [back, more] = [one('back', HTMLButtonElement), one('more', HTMLButtonElement)]
  let offset = 0
  let isFilled = false

  async function show(): Promise<void> {
    isFilled = true
    const { total, examples } = await listExamples(offset, LISTED)
    one('examples').replaceChildren(...examples.map(button))
    one('range').textContent = `${offset + 1} to ${offset + examples.length} of ${total}`
    back.disabled = offset === 0
    more.disabled = offset + examples.length >= total
  }

  function button(example: Example): HTMLElement {
    const element = make('button')
    element.type = 'button'
    element.append(pictureOf(example.id), makeOwn('span', example.question))
    element.addEventListener('click', () => {
      imageOf(example.id, 'full').then((image) => take(example, image), fail)
    })
    return element
  }

  const turn = (step: number) => (): void => {
    offset = Math.max(0, offset + step)
    show().catch(fail)
  }
  back.addEventListener('click', turn(-LISTED))
  more.addEventListener('click', turn(LISTED))
  box.addEventListener('toggle', () => {
    if (box.open && !isFilled) show().catch(fail)
  })
}
