import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { DatasetFormat } from './formats/format.ts'
import * as table from './formats/index.ts'

/** How a dataset lies on disk. */
export type DatasetForm = keyof typeof table

export const FORMATS: Readonly<Record<DatasetForm, DatasetFormat>> = table

export const FORMS: readonly DatasetForm[] = Object.keys(table) as DatasetForm[]

/** Bytes from the start of a file by which formats are told apart. */
const HEAD_BYTES = 4096

/** The format of a file of questions: by its name, else by its beginning, else official. */
export async function formatOf(questions: string, annotations?: string): Promise<DatasetForm> {
  const name = basename(questions)
  const named = FORMS.find((form) => FORMATS[form].fileName?.test(name) === true)
  if (named !== undefined) return named
  const head = await headOf(questions)
  return FORMS.find((form) => FORMATS[form].recognises?.({ head, annotations }) === true) ?? 'official'
}

/** The beginning of a file as Latin-1, without leading white space; '' when it is empty or cannot be read. */
async function headOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return ''
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.toString('latin1', 0, bytesRead).trimStart()
  } catch {
    return ''
  } finally {
    await file.close()
  }
}
