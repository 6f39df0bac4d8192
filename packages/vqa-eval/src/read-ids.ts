import { InputError } from '@lever/durable-files/input-error'
import { bytesInMemory, JsonSyntaxError, parseText, placeOf, placeText, PYTHON } from '@lever/json-text'
import { readWholeFile } from '@lever/json-text/node'
import { canonicalId, type QuestionId } from './question-id.ts'

/**
 * Reads a list of ids: a JSON array, or one id a line, where a line of digits is an integer and a line in quotes a
 * string.
 *
 * @throws InputError if there is none
 */
export async function readIds(path: string): Promise<QuestionId[]> {
  const bytes = await readWholeFile(path)
  const text = Buffer.from(bytes).toString('utf8').trim()
  const raw = text.startsWith('[')
    ? parseList(path, bytes)
    : text
        .split(/\r?\n/)
        .filter((line) => line.trim() !== '')
        .map(parseLine)
  const ids = raw.map((value, index) => {
    const id = canonicalId(value)
    if (id === undefined)
      throw new InputError(`vqa-eval: ${path}: id ${index + 1} is neither an integer nor a string`)
    return id
  })
  if (ids.length === 0) throw new InputError(`vqa-eval: ${path} holds no ids`)
  return ids
}

function parseList(path: string, bytes: Uint8Array): unknown[] {
  try {
    const value = parseText(bytes, PYTHON)
    if (Array.isArray(value)) return value as unknown[]
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const place = placeText(placeOf(bytesInMemory(bytes), error.offset))
    throw new InputError(`vqa-eval: ${path}, ${place}: ${error.message}`, { cause: error })
  }
  throw new InputError(`vqa-eval: ${path}: expected one list of ids`)
}

function parseLine(line: string): QuestionId {
  const text = line.trim()
  if (/^-?\d+$/.test(text)) return BigInt(text)
  return /^".*"$/.test(text) ? unquoted(text) : text
}

/** A text in quotes as JSON has it; as it stands if it is not JSON. */
function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    return text
  }
}
