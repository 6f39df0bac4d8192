import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { FORMATS, FORMS, formatOf, type DatasetForm } from './format-of.ts'
import type { DatasetFormat, FoundDataset } from './formats/format.ts'
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

/** Which dataset of a folder is meant. */
export interface LocateOptions {
  /** Its split, where the folder holds several. */
  readonly split?: string | undefined
  /** What messages begin with, such as the option that named the folder. Default `vqa-dataset`. */
  readonly flag?: string
}

const LOCATE_OPTIONS: OptionNames<LocateOptions> = { split: true, flag: true }

/**
 * Finds a dataset in a folder, or beside a file of questions: official files, the file of A-OKVQA, `questions.jsonl`, or
 * parquet files, there or in `data`. `flag` begins messages.
 * @throws InputError if there is none or several, with what was looked for, or which splits there are to choose from
 */
export async function locateDataset(path: string, options: LocateOptions = {}): Promise<DatasetFiles> {
  refuseUnknownOptions(options, LOCATE_OPTIONS, 'vqa-dataset: locateDataset')
  const { split, flag = 'vqa-dataset' } = options
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true || /[*?]/.test(basename(path))) return withBeside(path, split, flag)
  if (found === undefined) throw new InputError(`${flag}: there is no folder ${path}; check the path`)
  const all = await candidatesIn(path)
  const wanted = all.filter(
    ({ split: have, form }) =>
      split === undefined || meansSplit(split, have) || (FORMATS[form].splitBy === 'row' && have === ''),
  )
  const plain = wanted.filter(({ questions }) => basename(questions) === 'questions.json')
  const [first, ...others] = split === undefined && plain.length === 1 ? plain : wanted
  if (first === undefined) throw nothing(flag, path, split, all)
  if (others.length > 0) throw several(flag, path, wanted)
  return withBeside(first.questions, split ?? (first.split || undefined), flag, first.form)
}

interface Candidate extends FoundDataset {
  readonly form: DatasetForm
}

async function candidatesIn(folder: string): Promise<Candidate[]> {
  const names = (await readdir(folder)).sort()
  const found: Candidate[] = []
  for (const form of FORMS) {
    for (const one of await FORMATS[form].find(folder, names)) found.push({ form, ...one })
  }
  return found.sort((a, b) => (a.questions < b.questions ? -1 : 1))
}

/** A file of questions with the annotations and the images that lie beside it. */
async function withBeside(
  questions: string,
  split: string | undefined,
  flag: string,
  known?: DatasetForm,
): Promise<DatasetFiles> {
  const [folder, name] = [dirname(questions), basename(questions)]
  const form = known ?? (await formatOf(questions))
  const format: DatasetFormat = FORMATS[form]
  const own = splitOfName(name)
  const images = imagesBeside(folder, split ?? own, format)
  const annotations = format.hasAnnotations ? await annotationsBeside(questions, own, flag) : undefined
  return {
    form,
    split: format.splitBy === 'row' ? (split ?? own) : own || (split ?? ''),
    questions,
    ...(annotations !== undefined && { annotations: join(folder, annotations) }),
    ...(images !== undefined && { images }),
  }
}

/**
 * The annotations that are named like the questions (`v2_mscoco_val2014_annotations.json`), or else the only ones of the split.
 * @throws InputError if there are several, with how to choose
 */
async function annotationsBeside(
  questions: string,
  split: string,
  flag: string,
): Promise<string | undefined> {
  const [folder, name] = [dirname(questions), basename(questions)]
  const like = name.replace(/(OpenEnded|MultipleChoice)_/i, '').replace(/questions/i, 'annotations')
  const found = (await readdir(folder).catch(() => []))
    .filter((one) => /\.json$/i.test(one) && /annotations/i.test(one) && splitOfName(one) === split)
    .sort()
  const own = found.find((one) => one === like) ?? found.find((one) => one === 'annotations.json')
  if (own !== undefined || found.length < 2) return own ?? found[0]
  throw new InputError(
    `${flag}: ${folder} holds several files of annotations, and none is named like ${name}: ${found.join(', ')}; give ${optionLike(flag, 'questions')} and ${optionLike(flag, 'annotations')}`,
  )
}

function imagesBeside(folder: string, split: string, { images }: DatasetFormat): string | undefined {
  if (images === 'inside') return undefined
  if (existsSync(join(folder, 'images'))) return join(folder, 'images')
  if (images === 'folder' || splitNames(split).some((name) => existsSync(join(folder, name)))) return folder
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
  const looks = Object.values(FORMATS).map(({ looksLike }) => looksLike)
  return new InputError(
    `${flag}: ${folder} holds no dataset: there is no ${looks.join(', no ')}; give another folder, or the file of the questions`,
  )
}

function several(flag: string, folder: string, found: readonly Candidate[]): InputError {
  const splits = [...new Set(found.map(({ split }) => split))]
  if (splits.length === found.length && !splits.includes('')) {
    return new InputError(`${flag}: ${folder} holds the splits ${splits.join(', ')}; choose one with --split`)
  }
  const files = found.map(({ questions }) => questions)
  return new InputError(
    `${flag}: ${folder} holds several datasets: ${files.map((one) => basename(one)).join(', ')}; give the file of one in place of the folder, such as ${flag} ${files[0]!}`,
  )
}

/** `--pool-annotations` for `--pool-dataset`. */
function optionLike(flag: string, name: string): string {
  return flag.endsWith('dataset') ? flag.replace(/(vqa-)?dataset$/, name) : name
}
