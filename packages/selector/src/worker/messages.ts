import type { LibraryExample } from '../bundle/library-file.ts'
import type { Chosen, EngineOptions, NewExample } from '../engine/open.ts'
import type { Failed } from '../engine/failure.ts'
import type { EngineQuery } from '../engine/query.ts'

export type WorkerStart = EngineOptions

/** What is asked of the thread of a selector, and what it gives back. */
export interface Requests {
  open: { ask: object; reply: { size: number } }
  select: { ask: { queries: readonly EngineQuery[] }; reply: (Chosen | Failed)[] }
  add: { ask: { example: NewExample }; reply: { example: LibraryExample; size: number } }
  remove: { ask: { exampleId: number }; reply: { removed: boolean; size: number } }
  example: { ask: { exampleId: number }; reply: LibraryExample | undefined }
  list: { ask: { from: number; count: number }; reply: LibraryExample[] }
  close: { ask: object; reply: undefined }
}

export type RequestName = keyof Requests

export type Ask = { [Name in RequestName]: { id: number; name: Name } & Requests[Name]['ask'] }[RequestName]

/** An error as plain data; `input` where it was an InputError. */
export interface PlainError {
  readonly message: string
  readonly stack: string | undefined
  readonly input: boolean
}

export type Reply = { id: number; value: unknown } | { id: number; error: PlainError }
