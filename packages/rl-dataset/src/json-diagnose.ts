import { MAX_DEPTH } from './json-scan.ts'

/** What is wrong with a JSON text: where, and at which place of the value. */
export interface JsonDiagnosis {
  readonly reason: string
  /** Index into the text, in UTF-16 units. */
  readonly at: number
  /** Keys and indices that lead to the place. */
  readonly path: readonly (string | number)[]
}

class Fault extends Error {
  readonly at: number

  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
const WORD = /[-+]?[A-Za-z]{1,20}/y

/**
 * The first fault of a JSON text, read strictly: a syntax error, a key written twice in one object, or the key
 * `__proto__`. undefined when there is none. Slow; for texts that are already known to be faulty.
 */
export function diagnoseJson(text: string): JsonDiagnosis | undefined {
  const path: (string | number)[] = []
  let at = 0

  const fail = (reason: string, where = at): never => {
    throw new Fault(reason, where)
  }
  const skipSpace = (): void => {
    while (at < text.length && ' \n\r\t'.includes(text[at]!)) at++
  }
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  const found = (): string =>
    at < text.length ? `found ${JSON.stringify(text.slice(at, at + 12))}` : 'the text ends'

  const string = (): string => {
    const start = at
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length) fail('a string that does not end', start)
      if (text.charCodeAt(at) < 0x20) fail('a control character in a string')
      if (text[at] === '\\') at++
    }
    at++
    try {
      return JSON.parse(text.slice(start, at)) as string
    } catch {
      return fail('a string with a bad escape', start)
    }
  }

  const members = (closing: string, member: () => void): void => {
    if (path.length > MAX_DEPTH) fail(`nested deeper than ${MAX_DEPTH}`)
    at++
    skipSpace()
    while (text[at] !== closing) {
      member()
      skipSpace()
      if (text[at] === closing) break
      if (text[at] !== ',') fail(`expected "," or "${closing}", ${found()}`)
      at++
      skipSpace()
      if (text[at] === closing) fail(`expected another member after ",", ${found()}`)
    }
    at++
    path.pop()
  }

  const object = (): void => {
    const keys = new Set<string>()
    path.push('')
    members('}', () => {
      const start = at
      if (text[at] !== '"') fail(`expected a key in quotes, ${found()}`)
      const key = string()
      path[path.length - 1] = key
      if (key === '__proto__') fail('the key __proto__ is refused', start)
      if (keys.has(key)) fail(`the key ${JSON.stringify(key)} is written twice`, start)
      keys.add(key)
      skipSpace()
      if (text[at] !== ':') fail(`expected ":", ${found()}`)
      at++
      value()
    })
  }

  const array = (): void => {
    let index = 0
    path.push(index)
    members(']', () => {
      path[path.length - 1] = index++
      value()
    })
  }

  const value = (): void => {
    skipSpace()
    if (text[at] === '{') {
      object()
      return
    }
    if (text[at] === '[') {
      array()
      return
    }
    if (text[at] === '"') return void string()
    const word = match(WORD)
    if (word === 'true' || word === 'false' || word === 'null') at += word.length
    else if (word !== undefined && /nan|inf/i.test(word)) fail(`${word} is not a number that JSON can hold`)
    else {
      const numeral = match(NUMBER)
      if (numeral === undefined) fail(`expected a value, ${found()}`)
      else if (!Number.isFinite(Number(numeral))) fail(`${numeral} is too large for a number`)
      else at += numeral.length
    }
  }

  try {
    value()
    skipSpace()
    if (at < text.length) fail(`expected the end, ${found()}`)
    return undefined
  } catch (error) {
    if (error instanceof Fault) return { reason: error.message, at: error.at, path: [...path] }
    throw error
  }
}
