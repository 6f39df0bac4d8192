import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Annotation, AnswerObject } from '@lever/vqa-eval'

export function humans(answers: readonly string[]): AnswerObject[] {
  return answers.map((answer, i) => ({ answer, answer_confidence: 'yes', answer_id: i + 1 }))
}

/** A question whose first `yes` of ten humans say "yes" and the others "no". */
export function question(id: number | string, yes: number, more: Partial<Annotation> = {}): Annotation {
  return {
    question_id: id,
    image_id: 1,
    question_type: 'is the',
    answer_type: 'yes/no',
    answers: humans(Array.from({ length: 10 }, (_, i) => (i < yes ? 'yes' : 'no'))),
    ...more,
  }
}

/** Writes files into a new folder and returns their paths under the same names. */
export async function writeFiles<K extends string>(
  files: Record<K, string | Uint8Array>,
): Promise<Record<K, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-dataset-'))
  const paths = {} as Record<K, string>
  for (const [name, content] of Object.entries<string | Uint8Array>(files)) {
    paths[name as K] = join(folder, name)
    await writeFile(join(folder, name), content)
  }
  return paths
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a rejection')
}
