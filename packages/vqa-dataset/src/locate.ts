import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { DatasetForm } from './example.ts'
import { meansSplit, splitNames, splitOfName } from './splits.ts'

/** The files of a dataset, as `readDataset` takes them. */
export interface DatasetFiles {
  readonly form: DatasetForm
  /** As the file names tell it; '' when they do not. */
  readonly split: string
  readonly questions: string
  readonly annotations?: string
  readonly images?: string
}

/**
 * Finds a dataset in a folder, or beside a file of questions: official files, the file of A-OKVQA, `questions.jsonl`, or
 * parquet files, there or in `data`. `flag` begins messages.
 *
 * Throws InputError that says what was looked for, or which splits there are to choose from.
 */
export async function locateDataset(
  path: string,
  { split, flag = 'vqa-dataset' }: { split?: string | undefined; flag?: string } = {},
): Promise<DatasetFiles> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true || /[*?]/.test(basename(path))) return withBeside(path, split)
  if (found === undefined) throw new InputError(`${flag}: there is no folder ${path}; check the path`)
  const all = await candidatesIn(path)
  const wanted = all.filter(
    ({ split: have, form }) =>
      split === undefined || meansSplit(split, have) || (form === 'lines' && have === ''),
  )
  const plain = wanted.filter(({ questions }) => basename(questions) === 'questions.json')
  const [first, ...others] = split === undefined && plain.length === 1 ? plain : wanted
  if (first === undefined) throw nothing(flag, path, split, all)
  if (others.length > 0) throw several(flag, path, wanted)
  return withBeside(first.questions, split ?? (first.split || undefined), first.form)
}

type Candidate = Pick<DatasetFiles, 'form' | 'split' | 'questions'>

async function candidatesIn(folder: string): Promise<Candidate[]> {
  const names = (await readdir(folder)).sort()
  const json = names.filter((name) => /\.json$/i.test(name))
  const questions = json.filter((name) => /questions/i.test(name))
  const openEnded = questions.filter((name) => !/multiplechoice/i.test(name))
  const of = (form: DatasetForm, files: readonly string[]): Candidate[] =>
    files.map((name) => ({ form, split: splitOfName(name), questions: join(folder, name) }))
  return [
    ...of('official', openEnded.length > 0 ? openEnded : questions),
    ...of(
      'aokvqa',
      json.filter((name) => /^a-?okvqa/i.test(name) && !questions.includes(name)),
    ),
    ...of(
      'lines',
      names.filter((name) => /questions.*\.(jsonl|ndjson)$/i.test(name)),
    ),
    ...(await parquetIn(folder, names)),
  ]
}

/** One candidate for each set of shards, in the folder, in `data`, or as the Hub's converter lays them out. */
async function parquetIn(folder: string, names: readonly string[]): Promise<Candidate[]> {
  const sets = new Map<string, Candidate>()
  const add = (at: string, name: string, split: string): void => {
    const set = join(at, name.replace(/-\d{5}-of-\d{5}.*$|^\d{4}\.parquet$|\.parquet$/, ''))
    if (!sets.has(set)) sets.set(set, { form: 'parquet', split, questions: join(at, name) })
  }
  const visit = async (at: string, there: readonly string[], depth: number): Promise<void> => {
    for (const name of there) {
      if (/\.parquet$/i.test(name)) add(at, name, splitOfName(name) || splitOfName(basename(at)))
      else if (depth < 2 && /^(data|default|train|val|validation|test|testdev|.*20\d\d)$/i.test(name)) {
        const within = join(at, name)
        await visit(within, (await readdir(within).catch(() => [])).sort(), depth + 1)
      }
    }
  }
  await visit(folder, names, 0)
  return [...sets.values()]
}

/** A file of questions with the annotations and the images that lie beside it. */
async function withBeside(
  questions: string,
  split: string | undefined,
  known?: DatasetForm,
): Promise<DatasetFiles> {
  const [folder, name] = [dirname(questions), basename(questions)]
  const form = known ?? formOfName(name)
  const own = splitOfName(name)
  const within = split ?? own
  const images = imagesBeside(folder, within, form)
  const files = { form, split: form === 'lines' ? (split ?? own) : own || (split ?? ''), questions }
  if (form !== 'official') return { ...files, ...(images !== undefined && { images }) }
  const annotations = (await readdir(folder).catch(() => []))
    .filter((one) => /\.json$/i.test(one) && /annotations/i.test(one) && splitOfName(one) === own)
    .sort()
  const chosen =
    annotations.find((one) => one === 'annotations.json') ??
    (annotations.length === 1 ? annotations[0] : undefined)
  return {
    ...files,
    ...(chosen !== undefined && { annotations: join(folder, chosen) }),
    ...(images !== undefined && { images }),
  }
}

function formOfName(name: string): DatasetForm {
  if (/\.parquet$/i.test(name)) return 'parquet'
  if (/\.(jsonl|ndjson)$/i.test(name)) return 'lines'
  return /^a-?okvqa/i.test(name) ? 'aokvqa' : 'official'
}

function imagesBeside(folder: string, split: string, form: DatasetForm): string | undefined {
  if (form === 'parquet') return undefined
  if (existsSync(join(folder, 'images'))) return join(folder, 'images')
  if (splitNames(split).some((name) => existsSync(join(folder, name)))) return folder
  if (form === 'lines') return folder
  return existsSync(join(folder, '..', 'images')) ? join(folder, '..', 'images') : undefined
}

function nothing(
  flag: string,
  folder: string,
  split: string | undefined,
  all: readonly Candidate[],
): InputError {
  if (split !== undefined && all.length > 0) {
    const there = [...new Set(all.map(({ split: one }) => one || 'one without a name'))]
    return new InputError(`${flag}: ${folder} has no split ${split}; it has ${there.join(', ')}`)
  }
  return new InputError(
    `${flag}: ${folder} has no questions.json or *questions*.json (VQA, OK-VQA), no aokvqa_*.json, no questions.jsonl and no *.parquet, also not in data/; give another folder, or the file of the questions`,
  )
}

function several(flag: string, folder: string, found: readonly Candidate[]): InputError {
  const splits = [...new Set(found.map(({ split }) => split))]
  if (splits.length === found.length && !splits.includes('')) {
    return new InputError(`${flag}: ${folder} holds the splits ${splits.join(', ')}; choose one with --split`)
  }
  const files = found.map(({ questions }) => basename(questions))
  return new InputError(
    `${flag}: ${folder} holds several datasets: ${files.join(', ')}; give the file of one`,
  )
}
