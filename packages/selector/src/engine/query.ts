/** A question as the engine takes it. */
export interface EngineQuery {
  readonly question: string
  /** Bytes of the image file, and what messages call it. */
  readonly image?: { readonly name: string; readonly bytes: Uint8Array } | undefined
  /** A row of the bundle's embeddings, [D], in place of the image and of embedding the question. */
  readonly embedding?: Float32Array | undefined
  /** Its id in the library's numbering: fixes what is drawn at random, and leaves out itself. */
  readonly id?: number | undefined
  /** Examples about the same image are left out. An image of the library is known by its bytes. */
  readonly imageId?: string | undefined
  readonly shots: number
  /** Name of the selector; undefined for that of the bundle. */
  readonly selector?: string | undefined
  /** Ids that may not be chosen. */
  readonly exclude: readonly number[]
}

/** A demonstration as the engine gives it. */
export interface EnginePick {
  readonly row: number
  readonly score: number | null
  readonly similarity: number
  readonly staticShare: number | null
}
