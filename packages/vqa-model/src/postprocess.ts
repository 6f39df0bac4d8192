import { InputError } from '@lever/durable-files'
import { postprocessGeneration } from '@lever/vqa-eval'

/** Turns what a model wrote into the answer that is scored. */
export type Postprocess = (raw: string) => string

/** The names of the ways to cut an answer out of a generated text. */
export const postprocessNames = ['trim', 'lever-plus', 'first-line', 'first-clause'] as const

/** A name of {@link postprocessNames}. */
export type PostprocessName = (typeof postprocessNames)[number]

const TABLE: Record<PostprocessName, Postprocess> = {
  /** white space at both ends removed */
  trim: (raw: string): string => raw.trim(),
  /** cut at the first `Question`, `Answer` or `Short`, then at the first `, ` */
  'lever-plus': (raw: string): string => postprocessGeneration(raw).trim(),
  /** up to the first end of a line, after those at the beginning */
  'first-line': firstLine,
  /** the first line up to its first comma, semicolon, bracket, or full stop, colon, `!` or `?` at the end of a word */
  'first-clause': (raw: string): string =>
    firstLine(raw)
      .split(/[,;()[\]]|[.:!?](?=\s|$)/, 1)[0]!
      .trim(),
}

function firstLine(raw: string): string {
  return raw
    .trimStart()
    .split(/[\r\n]/, 1)[0]!
    .trim()
}

/** @throws InputError for an unknown name */
export function getPostprocess(name: PostprocessName | (string & {})): Postprocess {
  if (!Object.hasOwn(TABLE, name)) {
    throw new InputError(
      `vqa-model: unknown post-processing "${name}"; choose one of ${postprocessNames.join(', ')}`,
    )
  }
  return TABLE[name as PostprocessName]
}
