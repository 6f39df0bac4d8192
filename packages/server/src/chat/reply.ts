import type { Readable } from 'node:stream'

/** What is known of the demonstrations of a request; the field `lever` of its answer. */
export interface LeverNote {
  /** by whom they were chosen; null where none were put before the request */
  readonly selector: string | null
  /** why none were */
  readonly unchanged?: string
  /** in the order of the prompt */
  readonly demonstrations: readonly NotedDemonstration[]
}

export interface NotedDemonstration {
  readonly id: number
  readonly question: string
  readonly answer: string
  readonly score: number | null
  readonly similarity: number | null
}

/** A chat request as a backend gets it. */
export interface ChatCall {
  /** messages and all other fields but `lever` */
  readonly body: Readonly<Record<string, unknown>>
  /** the body as it came, where nothing in it was changed */
  readonly raw: Buffer | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly note: LeverNote
  readonly signal: AbortSignal
}

/** A response before it is sent. */
export interface ChatReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: string | Buffer | Readable
}

/** Headers that say which demonstrations were used, for clients that cannot read the field. */
export function noteHeaders({ selector, demonstrations, unchanged }: LeverNote): Record<string, string> {
  return {
    'lever-demonstrations': demonstrations.map(({ id }) => id).join(',') || 'none',
    ...(selector !== null && { 'lever-selector': selector }),
    ...(unchanged !== undefined && { 'lever-unchanged': unchanged }),
  }
}
