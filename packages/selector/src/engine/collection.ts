import type { Example } from '@lever/vqa-dataset'
import type { LibraryExample } from '../bundle/library-file.ts'

/** The examples of an open bundle. A row keeps its number; an example that was removed leaves a hole. */
export interface Collection {
  /** Examples that are there. */
  readonly size: number
  /** Rows that are there, ascending. */
  rows(): readonly number[]
  /** Their examples, in the same order; the same array until something changes. */
  examples(): readonly Example[]
  /** Position of a row in `examples`. */
  positions(): ReadonlyMap<number, number>
  example(row: number): LibraryExample
  rowOf(id: number): number | undefined
  /** Rows about an image: by its id in the library, or by the hash of its bytes. */
  rowsAbout(imageId: string | undefined): readonly number[]
  imageIdOf(hash: string): number | string | undefined
  /** An id that no example has or had. */
  nextId(): number
  add(example: LibraryExample): number
  /** The row that the example had; undefined where there is none. */
  remove(id: number): number | undefined
}

/** Keeps what changes with every added and removed example until it is asked for. */
export function createCollection(given: readonly LibraryExample[]): Collection {
  const all: (LibraryExample | undefined)[] = []
  const rowOf = new Map<number, number>()
  const byImage = new Map<string, number[]>()
  const imageOf = new Map<string, number | string>()
  let highest = -1
  let size = 0
  let derived: ReturnType<typeof derive> | undefined

  function add(example: LibraryExample): number {
    const row = all.push(example) - 1
    const { id, imageId, imageHash } = example
    rowOf.set(id, row)
    highest = Math.max(highest, id)
    size += 1
    derived = undefined
    if (imageId === null) return row
    const about = byImage.get(String(imageId))
    if (about === undefined) byImage.set(String(imageId), [row])
    else about.push(row)
    if (imageHash !== null && !imageOf.has(imageHash)) imageOf.set(imageHash, imageId)
    return row
  }

  function derive(): { rows: number[]; examples: Example[]; positions: Map<number, number> } {
    const rows = Array.from(all.keys()).filter((row) => all[row] !== undefined)
    return {
      rows,
      examples: rows.map((row) => exampleOf(all[row]!)),
      positions: new Map(rows.map((row, position) => [row, position])),
    }
  }

  for (const example of given) add(example)
  return {
    get size() {
      return size
    },
    rows: () => (derived ??= derive()).rows,
    examples: () => (derived ??= derive()).examples,
    positions: () => (derived ??= derive()).positions,
    example: (row) => all[row]!,
    rowOf: (id) => rowOf.get(id),
    rowsAbout: (imageId) => (imageId === undefined ? [] : (byImage.get(imageId) ?? [])),
    imageIdOf: (hash) => imageOf.get(hash),
    nextId: () => highest + 1,
    add,
    remove(id) {
      const row = rowOf.get(id)
      if (row === undefined) return undefined
      const { imageId } = all[row]!
      all[row] = undefined
      rowOf.delete(id)
      size -= 1
      derived = undefined
      const about = imageId === null ? undefined : byImage.get(String(imageId))
      about?.splice(about.indexOf(row), 1)
      return row
    },
  }
}

function exampleOf({ id, questionId, imageId, question, answer, answers }: LibraryExample): Example {
  return { id, questionId, imageId, question, answer, answers }
}
