import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { InputError, writeFileAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import type { ReportInput } from '@lever/icl-eval'
import type { Context } from '../../command.ts'
import { exists, requirePath, writeNew } from '../../files.ts'
import { readRun, runNames } from './report-runs.ts'
import type { RunContent } from './report-runs.ts'
import { reportJson, reportMarkdown, reportText } from './report-text.ts'

/** Name inside a run directory. */
export const REPORT = 'report.html'
/** Questions in the browser of examples. */
export const EXAMPLES = 500

/** Room for images in a page of less than 5 MB, in bytes. */
const IMAGES = 3_800_000

/** Writes `report.html` of a finished run. Equal runs give equal bytes. */
export async function writeReport(run: RunDirectory, context: Context): Promise<void> {
  const { renderReport } = await import('@lever/icl-eval')
  const content = await readRun({
    path: run.path,
    name: run.manifest.command,
    limit: EXAMPLES,
    imageBytes: IMAGES,
    ...context,
  })
  await writeFileAtomic(run.file(REPORT), renderReport(inputOf([content])))
}

export interface ReportSettings {
  readonly runs: readonly string[]
  /** Undefined: `report.html` in the first run directory, which may be there already. */
  readonly out: string | undefined
  /** Folder for the plots. */
  readonly plots: string | undefined
  readonly limit: number
  /** Where the datasets lie, when not where the runs found them. */
  readonly dataset: string | undefined
  readonly poolDataset: string | undefined
  readonly context: Context
}

/** Writes the page and the plots of run directories, and says the same as text, Markdown and JSON. */
export async function reportRuns({
  runs,
  out,
  plots,
  limit,
  dataset,
  poolDataset,
  context,
}: ReportSettings): Promise<{ readonly json: unknown; readonly text: string; readonly markdown: string }> {
  const { renderReport, reportPlots } = await import('@lever/icl-eval')
  const names = runNames(runs)
  const contents: RunContent[] = []
  for (const [i, path] of runs.entries()) {
    const content = await readRun({
      path,
      name: names[i]!,
      limit,
      imageBytes: IMAGES / runs.length,
      place: dataset === undefined ? undefined : { dataset },
      poolPlace: poolDataset === undefined ? undefined : { dataset: poolDataset },
      ...context,
    })
    contents.push(
      runs.length > 1 ? content : { ...content, run: { ...content.run, name: content.manifest.command } },
    )
  }
  const input = inputOf(contents)
  const page = out === undefined ? join(contents[0]!.path, REPORT) : resolve(out)
  if (plots !== undefined) await makeFolder(resolve(plots))
  const html = renderReport(input)
  if (out === undefined) await writeFileAtomic(page, html)
  else await writeNew(page, html, '--out')
  const files: string[] = []
  if (plots !== undefined) {
    for (const { name, svg } of reportPlots(input)) {
      const file = join(resolve(plots), name)
      await writeNew(file, svg, '--plots')
      files.push(file)
    }
  }
  return {
    json: reportJson(contents, { out: page, plots: files }),
    text: await reportText(contents, { out: page, plots: files }),
    markdown: await reportMarkdown(contents),
  }
}

/** @throws InputError where none can be made */
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
