/** The element that the page is known to have. */
export function one(id: string): HTMLElement
export function one<T extends HTMLElement>(id: string, kind: new () => T): T
export function one(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the page has no ${kind.name} #${id}`)
}

/** A new element with a class and a text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  text?: string,
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

/** A new element with text of the data, which may run from right to left. */
export function makeOwn<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text: string,
): HTMLElementTagNameMap[K] {
  const element = make(tag, '', text)
  element.dir = 'auto'
  return element
}
