/**
 * A value of strict JSON. Objects are Maps; a number is a number if it is a whole one from 0 to
 * 2^53 - 1 without fraction or exponent, and otherwise its text.
 */
export type Json = null | boolean | string | number | JsonNumber | Json[] | Map<string, Json>

interface JsonNumber {
  text: string
}

const MAX_DEPTH = 100

/**
 * Parses JSON and refuses what `JSON.parse` lets through: repeated keys, lone surrogates, deep
 * nesting, more than `maxContainers` objects and lists.
 *
 * @throws SyntaxError naming the position
 */
export function parseStrictJson(text: string, maxContainers: number = Infinity): Json {
  let at = 0
  let containers = 0

  const fail = (why: string): never => {
    throw new SyntaxError(`${why} at character ${at}`)
  }
  const skip = (): void => {
    while (at < text.length && ' \n\r\t'.includes(text[at]!)) at++
  }
  const take = (char: string): boolean => {
    skip()
    if (text[at] !== char) return false
    at++
    return true
  }
  const expect = (char: string): void => {
    if (!take(char)) fail(`"${char}" is missing`)
  }

  function value(depth: number): Json {
    if (depth > MAX_DEPTH) fail('nested too deep')
    skip()
    const char = text[at]
    if ((char === '{' || char === '[') && ++containers > maxContainers) fail('too many objects and lists')
    if (char === '{') return object(depth)
    if (char === '[') return array(depth)
    if (char === '"') return string()
    for (const [word, meaning] of WORDS) {
      if (!text.startsWith(word, at)) continue
      at += word.length
      return meaning
    }
    return number()
  }

  function object(depth: number): Map<string, Json> {
    const result = new Map<string, Json>()
    expect('{')
    if (take('}')) return result
    do {
      skip()
      const key = string()
      if (result.has(key)) fail(`the key ${JSON.stringify(key.slice(0, 80))} appears twice`)
      expect(':')
      result.set(key, value(depth + 1))
    } while (take(','))
    expect('}')
    return result
  }

  function array(depth: number): Json[] {
    const result: Json[] = []
    expect('[')
    if (take(']')) return result
    do result.push(value(depth + 1))
    while (take(','))
    expect(']')
    return result
  }

  function string(): string {
    if (text[at] !== '"') fail('a string is missing')
    let end = at + 1
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
    let result = ''
    try {
      result = JSON.parse(text.slice(at, end + 1)) as string
    } catch {
      fail('a string is not valid')
    }
    if (/\p{Surrogate}/u.test(result)) fail('a string has half a surrogate pair')
    at = end + 1
    return result
  }

  function number(): number | JsonNumber {
    NUMBER.lastIndex = at
    const found = NUMBER.exec(text)?.[0] ?? fail('a value is missing')
    at += found.length
    const whole = /^\d+$/.test(found) && Number(found) <= Number.MAX_SAFE_INTEGER
    return whole ? Number(found) : { text: found }
  }

  const result = value(0)
  skip()
  if (at < text.length) fail('something follows the value')
  return result
}

const WORDS: readonly (readonly [string, null | boolean])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
]
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
