import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { InputError } from '@lever/durable-files'
import { isInside } from './manifest.ts'

/** A solved example of a bundle: a line of `library.jsonl`. */
export interface LibraryExample {
  /** What the policy, embeddings and `exclude` call it. */
  readonly id: number
  readonly questionId: number | string
  readonly imageId: number | string | null
  readonly question: string
  /** What it shows as a demonstration. */
  readonly answer: string
  /** All human answers. */
  readonly answers: readonly string[]
  /** SHA-256 of the image file; null without one. */
  readonly imageHash: string | null
  /** Path in the bundle; null where images are not included. */
  readonly image: string | null
  /** Path in the bundle; null where there are none. */
  readonly thumbnail: string | null
}

/**
 * Reads a library line by line.
 * @throws InputError naming the line of an example that is not one, or whose id is there already
 */
export async function readLibrary(path: string): Promise<LibraryExample[]> {
  const examples: LibraryExample[] = []
  const ids = new Set<number>()
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })
  for await (const line of lines) {
    const place = `selector: ${path}:${examples.length + 1}`
    const example = parseExample(line, place)
    if (ids.has(example.id)) throw new InputError(`${place}: the id ${example.id} is there already`)
    ids.add(example.id)
    examples.push(example)
  }
  return examples
}

/** @throws InputError naming the place of what is not an example */
export function parseExample(line: string, place: string): LibraryExample {
  let value: Partial<LibraryExample>
  try {
    value = JSON.parse(line) as Partial<LibraryExample>
  } catch (cause) {
    throw new InputError(`${place} is not JSON; make the bundle again (lever bundle)`, { cause })
  }
  const { id, question, answer, image = null, thumbnail = null } = value
  const isWhole = Number.isSafeInteger(id) && typeof question === 'string' && typeof answer === 'string'
  const paths = [image, thumbnail].filter((one) => one !== null)
  if (isWhole && paths.every(isInside)) return value as LibraryExample
  throw new InputError(
    `${place} is not an example with an id, a question, an answer and paths inside the bundle; make the bundle again (lever bundle)`,
  )
}
