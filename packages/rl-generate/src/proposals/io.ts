import { readFile } from 'node:fs/promises'
import { InputError } from '@lever/durable-files'
import { pointerIds } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'

/**
 * Pointers from a file, for the method `file`: query id -> pointers as ids of examples, in prompt
 * order. Takes `{"<query id>": [[id, id], ...]}` and RL data of every shape (its pointers without
 * their rewards).
 *
 * @throws InputError naming the file, and for RL data the query and candidate
 */
export async function readPointers(path: string): Promise<Map<number, readonly (readonly number[])[]>> {
  const lists = await readLists(path)
  if (lists !== undefined) return lists
  const { queries } = await readRlData(path)
  return new Map(queries.map((query) => [query.query_id, query.pointer_candidates.map(pointerIds)]))
}

/** The simple form; undefined when the file is something else. */
async function readLists(path: string): Promise<Map<number, number[][]> | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError(
      `rl-generate: cannot read ${path} (${String((error as NodeJS.ErrnoException).code)}); check the path`,
      { cause: error },
    )
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value as Record<string, unknown>)
  if (entries.length === 0 || !entries.every(([, pointers]) => Array.isArray(pointers))) return undefined
  return new Map(
    entries.map(([key, pointers]) => [queryIdOf(path, key), pointersOf(path, key, pointers as unknown[])]),
  )
}

function queryIdOf(path: string, key: string): number {
  const id = Number(key)
  if (/^\d+$/.test(key) && Number.isSafeInteger(id)) return id
  throw new InputError(`rl-generate: ${path}: key ${JSON.stringify(key)} is not a query id`)
}

function pointersOf(path: string, key: string, pointers: readonly unknown[]): number[][] {
  if (pointers.every((pointer) => Array.isArray(pointer) && pointer.every(Number.isSafeInteger))) {
    return pointers as number[][]
  }
  throw new InputError(`rl-generate: ${path}: the pointers of query ${key} are not lists of ids`)
}
