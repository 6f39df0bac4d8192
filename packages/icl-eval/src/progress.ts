/** How far a part of an evaluation or of a report is. */
export interface StageProgress {
  readonly stage: 'static' | 'evaluate' | 'expected' | 'swapped' | 'oracle' | 'worst' | 'thumbnails'
  readonly done: number
  /** Missing where it is not known yet. */
  readonly total?: number
  /** What is counted, for example `prompts`. */
  readonly unit: string
  /** What is being done, in a few words. */
  readonly note?: string
  /** The last event of this stage. */
  readonly ended?: boolean
}

/** Where long work says how far it is and what a reader must know. */
export interface Reporting {
  /** How far a stage is; the last event of a stage has `ended`. */
  readonly onProgress?: ((progress: StageProgress) => void) | undefined
  /** What may make the figures wrong. */
  readonly onWarning?: ((warning: string) => void) | undefined
  /** What is good to know, but no reason to doubt the figures. */
  readonly onNotice?: ((notice: string) => void) | undefined
  /** Ends the work; what was answered is kept, and the same call continues. */
  readonly signal?: AbortSignal | undefined
}
