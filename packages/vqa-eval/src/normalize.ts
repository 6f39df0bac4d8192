import { DIGIT, splitWords, strip } from './python-text.ts'
import { ARTICLES, CONTRACTIONS, NUMBER_WORDS, PUNCTUATION } from './tables.ts'

const DIGIT_COMMA_DIGIT = new RegExp(`${DIGIT},${DIGIT}`, 'u')
const PERIOD = new RegExp(`\\.(?!${DIGIT})`, 'gu')
const PERIOD_LIMIT = 32
const ANY_MARK = new RegExp(`[${PUNCTUATION.map((mark) => `\\${mark}`).join('')}.]`)

/** What happens to every answer and prediction first: newlines and tabs become spaces, the ends are stripped. */
export function cleanAnswer(text: string): string {
  return strip(/[\n\t]/.test(text) ? text.replace(/[\n\t]/g, ' ') : text)
}

/**
 * The official `processPunctuation`. A mark is deleted everywhere if it stands beside a space somewhere in the text
 * or if the text has a comma between two digits, and becomes a space otherwise. Of the periods not followed by a
 * digit the first 32 are deleted (the official code passes a flag where a count is expected).
 */
export function processPunctuation(text: string): string {
  if (!ANY_MARK.test(text)) return text
  const deleteAll = DIGIT_COMMA_DIGIT.test(text)
  let out = text
  for (const mark of PUNCTUATION) {
    if (!text.includes(mark)) continue
    const besideSpace = text.includes(`${mark} `) || text.includes(` ${mark}`)
    out = out.replaceAll(mark, deleteAll || besideSpace ? '' : ' ')
  }
  let periods = 0
  return out.replace(PERIOD, (period) => (periods++ < PERIOD_LIMIT ? '' : period))
}

/**
 * The official `processDigitArticle`: lower case, number words to digits, articles dropped, apostrophes of
 * contractions restored, one space between words. The result may be empty.
 */
export function processDigitArticle(text: string): string {
  const words: string[] = []
  for (const word of splitWords(text.toLowerCase())) {
    const number = NUMBER_WORDS.get(word)
    if (number !== undefined) words.push(number)
    else if (!ARTICLES.has(word)) words.push(CONTRACTIONS.get(word) ?? word)
  }
  return words.join(' ')
}

/**
 * An answer as the official metric compares it when the humans disagree: cleaned, then without punctuation,
 * then with digits and without articles. Never throws.
 */
export function normalizeAnswer(text: string): string {
  return processDigitArticle(processPunctuation(cleanAnswer(text)))
}
