import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { exists, InputError, requirePath, writeFileAtomic, writeNew } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Reporting } from '../../progress.ts'
import { renderReport, reportPlots } from '../report.ts'
import type { ReportInput } from '../types.ts'
import { readRun, runNames } from './read-run.ts'
import type { ReportSources, RunContent } from './read-run.ts'
import { reportJson, reportMarkdown, reportText } from './text.ts'

/** Name inside a run directory. */
export const REPORT = 'report.html'
/** Questions in the browser of examples. */
export const DEFAULT_EXAMPLES = 500

/** Room for images in a page of less than 5 MB. */
const MAX_IMAGE_BYTES = 3_800_000

/** Writes `report.html` of a finished run. Equal runs give equal bytes. */
export async function writeReport(
  run: Pick<RunDirectory, 'path' | 'manifest' | 'file'>,
  options: ReportSources & Reporting = {},
): Promise<void> {
  const content = await readRun({
    ...options,
    path: run.path,
    name: run.manifest.command,
    limit: DEFAULT_EXAMPLES,
    imageBytes: MAX_IMAGE_BYTES,
  })
  await writeFileAtomic(run.file(REPORT), renderReport(inputOf([content])))
}

/** Runs to report, and where the report goes. */
export interface ReportRunsSettings extends ReportSources, Reporting {
  /** Run directories. */
  readonly runs: readonly string[]
  /** Undefined: `report.html` in the first run directory, which may be there already. */
  readonly out?: string | undefined
  /** Folder for the plots. */
  readonly plots?: string | undefined
  /** Questions in the browser of examples, of every run. Default 500. */
  readonly examples?: number
}

export const REPORT_RUNS_SETTINGS: OptionNames<ReportRunsSettings> = {
  readPilot: true,
  runs: true,
  out: true,
  plots: true,
  examples: true,
  openDataset: true,
  thumbnail: true,
  readRanking: true,
  onProgress: true,
  onWarning: true,
  onNotice: true,
  signal: true,
}

/** The report of runs as JSON, text and Markdown. */
export interface ReportedRuns {
  readonly json: unknown
  readonly text: string
  readonly markdown: string
}

/**
 * Writes the page and the plots of run directories, and says the same as text, Markdown and JSON.
 * @throws InputError if a folder is not a run directory or holds nothing to report, or if an output exists
 */
export async function reportRuns(settings: ReportRunsSettings): Promise<ReportedRuns> {
  refuseUnknownOptions(settings, REPORT_RUNS_SETTINGS, 'icl-eval: reportRuns')
  const { out, plots } = settings
  const contents = await readRuns(settings)
  const input = inputOf(contents)
  const page = out === undefined ? join(contents[0]!.path, REPORT) : resolve(out)
  if (plots !== undefined) await makeFolder(resolve(plots))
  const html = renderReport(input)
  if (out === undefined) await writeFileAtomic(page, html)
  else await writeNew(page, html, '--out')
  const written = { out: page, plots: plots === undefined ? [] : await writePlots(input, resolve(plots)) }
  return {
    json: reportJson(contents, written),
    text: reportText(contents, written),
    markdown: reportMarkdown(contents),
  }
}

async function readRuns({
  runs,
  examples = DEFAULT_EXAMPLES,
  ...options
}: ReportRunsSettings): Promise<RunContent[]> {
  const names = runNames(runs)
  const contents: RunContent[] = []
  for (const [i, path] of runs.entries()) {
    const content = await readRun({
      ...options,
      path,
      name: names[i]!,
      limit: examples,
      imageBytes: MAX_IMAGE_BYTES / runs.length,
    })
    contents.push(
      runs.length > 1 ? content : { ...content, run: { ...content.run, name: content.manifest.command } },
    )
  }
  return contents
}

async function writePlots(input: ReportInput, folder: string): Promise<string[]> {
  const files: string[] = []
  for (const { name, svg } of reportPlots(input)) {
    const file = join(folder, name)
    await writeNew(file, svg, '--plots')
    files.push(file)
  }
  return files
}

/** @throws InputError if it cannot be made */
async function makeFolder(path: string): Promise<void> {
  if (await exists(path)) return requirePath(path, '--plots', 'folder')
  await requirePath(dirname(path), '--plots', 'folder')
  await mkdir(path).catch((cause: unknown) => {
    throw new InputError(`--plots: cannot make the folder ${path} (${String(cause)}); choose another`, {
      cause,
    })
  })
}

/** What one or several runs give, as the page and the plots take it. */
function inputOf(contents: readonly RunContent[]): ReportInput {
  const [first] = contents
  const runs = contents.map(({ run }) => run)
  if (contents.length > 1) return { title: `Comparison of ${runs.map(({ name }) => name).join(', ')}`, runs }
  const { command } = first!.manifest
  const { summary } = first!.run
  return {
    title: TITLES[command] ?? `Run of lever ${command}`,
    ...(summary && {
      intro: `${counted(summary.questions, 'question')} about ${counted(summary.images, 'image')}.`,
    }),
    runs,
  }
}

const TITLES: Readonly<Record<string, string>> = {
  demo: 'The demo of Lever',
  evaluate: 'Evaluation',
  train: 'Training',
  sft: 'Supervised training',
  sweep: 'Sweep',
  generate: 'Measured rewards',
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
