import { InputError, hashFile } from '@lever/durable-files'
import { basename } from 'node:path'
import { describeRlData, type DescribeOptions } from './describe.ts'
import type { Description } from './description.ts'
import { filterRlData, renderFilter, type FilterStep, type FilterSummary } from './filter.ts'
import { mergeRlData, renderMerge, type MergeOptions, type MergeSummary } from './merge.ts'
import { openRlFile, readRlData } from './read-file.ts'
import { renderDescription, renderDropped } from './render.ts'
import type { ReadOptions } from './source.ts'
import { renderValidation, validateRlData, type Validation } from './validate.ts'
import { writeRlData, type WriteOptions } from './write-file.ts'

/** What a command of `lever data` gives: an object for machines, text for people. */
export interface CommandResult<T> {
  readonly json: T
  readonly text: string
}

/** Options of the commands that write. `at` is the time for the history, ISO 8601. */
export interface OutputOptions extends Omit<WriteOptions, 'history'> {
  readonly read?: ReadOptions
  readonly at?: string
}

export interface ConvertSummary {
  readonly from: string
  readonly to: string
  readonly shapes: Readonly<Record<string, number>>
  readonly queries: number
  readonly candidates: number
  readonly dropped: Readonly<Record<string, number>>
}

/** `lever data describe FILE`. @throws InputError as `readRlData`. */
export async function describeFile(
  path: string,
  options: DescribeOptions & { readonly read?: ReadOptions } = {},
): Promise<CommandResult<Description>> {
  const { read, ...describe } = options
  const json = describeRlData(await readRlData(path, read), describe)
  return { json, text: renderDescription(json) }
}

/** `lever data validate FILE`: never throws for a bad file; `json.errors` over 0 means exit 2. */
export function validateFile(path: string, options: ReadOptions = {}): CommandResult<Validation> {
  let opened: ReturnType<typeof openRlFile> | undefined
  try {
    const json = validateRlData(
      options.file ?? path,
      () => (opened = openRlFile(path, { limit: 100_000, ...options })),
    )
    return { json, text: renderValidation(json) }
  } finally {
    opened?.close()
  }
}

/** `lever data convert FROM TO`. @throws InputError as `readRlData` and `writeRlData`. */
export async function convertFile(
  from: string,
  to: string,
  { read, at, ...write }: OutputOptions = {},
): Promise<CommandResult<ConvertSummary>> {
  const data = await readRlData(from, read)
  const history = {
    op: 'convert',
    ...(at === undefined ? {} : { at }),
    params: { from: basename(from), sha256: await hashFile(from) },
  }
  const { queries, candidates, dropped } = await writeRlData(to, data, { ...write, history })
  const json = {
    from,
    to,
    shapes: Object.fromEntries(data.report.shapes),
    queries,
    candidates,
    dropped: Object.fromEntries(dropped),
  }
  const shapes = [...data.report.shapes].map(([shape, count]) => `${shape} ${count}`).join(', ')
  const lines = [
    `${from} (${shapes}) -> ${to}: ${queries} queries, ${candidates} candidates`,
    renderDropped(dropped),
  ]
  return { json, text: lines.filter((line) => line !== '').join('\n') }
}

/** `lever data merge FILES... --out TO`. @throws InputError as `mergeRlData`, `readRlData` and `writeRlData`. */
export async function mergeFiles(
  files: readonly string[],
  to: string,
  { read, at, onConflict, allowMissingMeta, ...write }: OutputOptions & MergeOptions = {},
): Promise<CommandResult<MergeSummary>> {
  const inputs = []
  for (const file of files)
    inputs.push({ file, data: await readRlData(file, read), sha256: await hashFile(file) })
  const { data, summary } = mergeRlData(inputs, {
    ...(at === undefined ? {} : { at }),
    ...(onConflict === undefined ? {} : { onConflict }),
    ...(allowMissingMeta === undefined ? {} : { allowMissingMeta }),
  })
  await writeRlData(to, data, write)
  return { json: summary, text: renderMerge(summary) }
}

/** `lever data filter FROM TO --filter ...`. @throws InputError as `filterRlData`, `readRlData` and `writeRlData`. */
export async function filterFile(
  from: string,
  to: string,
  steps: readonly FilterStep[],
  { read, at, seed, ...write }: OutputOptions & { readonly seed?: number | string } = {},
): Promise<CommandResult<FilterSummary>> {
  if (steps.length === 0) throw new InputError('rl-dataset: there is no filter to apply; name at least one')
  const { data, summary } = filterRlData(await readRlData(from, read), steps, {
    ...(at === undefined ? {} : { at }),
    ...(seed === undefined ? {} : { seed }),
  })
  await writeRlData(to, data, write)
  return { json: summary, text: renderFilter(summary) }
}
