import type { Hash } from 'node:crypto'
import { join } from 'node:path'
import type { StreamOptions } from '@lever/json-text/node'
import { pickOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Joined } from '../joined.ts'

/** A dataset as its files lie in a folder. */
export interface FoundDataset {
  /** Path of the questions; one shard stands for all of its set. */
  readonly questions: string
  /** As the file's name tells it; '' when it does not. */
  readonly split: string
}

/** What tells formats apart whose files' names do not. */
export interface QuestionsFile {
  /** How the file begins, without leading white space; '' when it is empty or cannot be read. */
  readonly head: string
  readonly annotations: string | undefined
}

export interface FormatReadOptions extends StreamOptions {
  readonly questions: string
  readonly annotations: string | undefined
  /** The split that was asked for. */
  readonly split: string | undefined
  /** Folder to keep images in that lie in the files themselves. */
  readonly images: string | undefined
  /** Fed with the bytes of all files, in the order of `files`. */
  readonly hash?: Hash
}

const STREAM: OptionNames<StreamOptions> = { chunkSize: true, onProgress: true, hash: true }

/** How a file of the dataset is read row by row. */
export function streamOptions(options: StreamOptions): StreamOptions {
  return pickOptions(options, STREAM)
}

/**
 * A format of datasets. A new one is a file with one of these and a line in `index.ts`; finding, reading, caching and
 * the conformance tests follow.
 */
export interface DatasetFormat {
  /** What its files are called, for messages. */
  readonly looksLike: string
  /** Whether the answers lie in a file of annotations beside the questions. */
  readonly hasAnnotations: boolean
  /** What to add where answers are missing. */
  readonly answersIn: string
  /** What names the split: the file, or each row for itself. */
  readonly splitBy: 'file' | 'row'
  /** Where images are looked for: in the files themselves, in `images` of the folder (or the folder), or also above it. */
  readonly images: 'inside' | 'folder' | 'above'
  /** The datasets of this format in a folder with these names, sorted. */
  find(folder: string, names: readonly string[]): readonly FoundDataset[] | Promise<readonly FoundDataset[]>
  /** Files of this name are of this format, whatever is in them. */
  readonly fileName?: RegExp
  /** Whether a file whose name says nothing is of this format; those that none recognises are official. */
  recognises?(file: QuestionsFile): boolean
  /** All files of the dataset. */
  files(options: Pick<FormatReadOptions, 'questions' | 'annotations'>): Promise<readonly string[]>
  /** @throws InputError if a file cannot be read or is malformed, with the file and the place in it */
  read(options: FormatReadOptions): Promise<Joined>
}

/** The datasets that files of these names are. */
export function foundByName(
  folder: string,
  names: readonly string[],
  splitOf: (name: string) => string,
): FoundDataset[] {
  return names.map((name) => ({ questions: join(folder, name), split: splitOf(name) }))
}
