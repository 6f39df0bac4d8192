import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { DatasetForm } from '../src/index.ts'
import { humans } from './support.ts'

/** A question that every format can hold; `undefined` leaves the field out. */
export interface FixtureRow {
  readonly question_id: unknown
  readonly image_id: unknown
  readonly question: unknown
  readonly answers: readonly string[] | undefined
}

/** The same questions as files of each format: a name and its bytes. The first file holds the questions. */
export type FixtureWriter = (rows: readonly FixtureRow[]) => Record<string, string | Uint8Array>

export const FIXTURES: Readonly<Record<DatasetForm, FixtureWriter>> = {
  aokvqa: (rows) => ({
    'aokvqa_v1p0_val.json': JSON.stringify(
      rows.map(({ answers, ...row }) => ({ split: 'val', ...row, direct_answers: answers })),
    ),
  }),
  lines: (rows) => ({ 'questions.jsonl': rows.map((row) => `${JSON.stringify(row)}\n`).join('') }),
  official: (rows) => ({
    'questions.json': JSON.stringify({
      data_subtype: 'val2014',
      questions: rows.map(({ question_id, image_id, question }) => ({ question_id, image_id, question })),
    }),
    ...(rows.every(({ answers }) => answers !== undefined) && {
      'annotations.json': JSON.stringify({
        annotations: rows.map(({ question_id, image_id, answers }) => ({
          question_id,
          image_id,
          answers: humans(answers!),
        })),
      }),
    }),
  }),
  parquet: (rows) => ({
    'val-00000-of-00001.parquet': new Uint8Array(
      parquetWriteBuffer({
        columnData: (['question_id', 'image_id', 'question', 'answers'] as const)
          .filter((name) => rows.some((row) => row[name] !== undefined))
          .map((name) => ({ name, data: rows.map((row) => row[name] ?? null) })),
      }),
    ),
  }),
}

/** Writes files into a new folder and gives the folder and the path of the first. */
export async function writeFixture(
  files: Record<string, string | Uint8Array>,
): Promise<{ folder: string; questions: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-format-'))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return { folder, questions: join(folder, Object.keys(files)[0]!) }
}
