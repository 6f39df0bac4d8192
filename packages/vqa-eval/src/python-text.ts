/**
 * Text operations as Python 3.11 does them. JavaScript differs in whitespace (Python has U+001C to U+001F and
 * U+0085 and lacks U+FEFF), in the digits of `\d` (Unicode 14 `Nd` against ASCII) and in rounding.
 */

const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const SPACE_CHARACTER = new RegExp(`[${SPACE}]`)
const SPACES = new RegExp(`[${SPACE}]+`)

function isSpace(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  if (code > 0x20 && code < 0x7f) return false
  return SPACE_CHARACTER.test(text[index]!)
}

/** `str.strip()`. */
export function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text, start)) start++
  while (end > start && isSpace(text, end - 1)) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

/** `str.split()`: the words between runs of whitespace, none of them empty. */
export function splitWords(text: string): string[] {
  const stripped = strip(text)
  return stripped === '' ? [] : stripped.split(SPACES)
}

const DIGIT_ZEROS =
  '30 660 6f0 7c0 966 9e6 a66 ae6 b66 be6 c66 ce6 d66 de6 e50 ed0 f20 1040 1090 17e0 1810 1946 19d0 1a80 1a90 1b50 ' +
  '1bb0 1c40 1c50 a620 a8d0 a900 a9d0 a9f0 aa50 abf0 ff10 104a0 10d30 11066 110f0 11136 111d0 112f0 11450 114d0 ' +
  '11650 116c0 11730 118e0 11950 11c50 11d50 11da0 16a60 16ac0 16b50 1d7ce 1d7d8 1d7e2 1d7ec 1d7f6 1e140 1e2f0 ' +
  '1e950 1fbf0'

/** Source of a character class (flag `u`) of the 660 characters that `\d` matches in Python 3.11. */
export const DIGIT: string = `[${DIGIT_ZEROS.split(' ')
  .map((zero) => `\\u{${zero}}-\\u{${(parseInt(zero, 16) + 9).toString(16)}}`)
  .join('')}]`

/**
 * `round(value, digits)`: the decimal nearest to the exact binary value, ties to the even digit.
 * `toFixed` is exact too but takes ties away from zero. `digits` is 0 to 20.
 */
export function roundHalfEven(value: number, digits = 2): number {
  const halves = value * 2 ** (digits + 1)
  const isTie = Number.isInteger(halves) && halves % 2 !== 0
  return isTie ? (2 * Math.round((halves * 5 ** digits) / 4)) / 10 ** digits : Number(value.toFixed(digits))
}
