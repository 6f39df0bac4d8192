import { writeFileAtomic } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import type { ReportInput } from '@lever/icl-eval'
import type { Progress } from '../progress.ts'
import { readRun } from './report-runs.ts'
import type { RunContent } from './report-runs.ts'

/** Name inside a run directory. */
export const REPORT = 'report.html'
/** Questions in the browser of examples. */
export const EXAMPLES = 500

/** Writes `report.html` of a finished run. Equal runs give equal bytes. */
export async function writeReport(run: RunDirectory, progress: Progress): Promise<void> {
  const { renderReport } = await import('@lever/icl-eval')
  const content = await readRun({ path: run.path, name: run.manifest.command, limit: EXAMPLES, progress })
  await writeFileAtomic(run.file(REPORT), renderReport(reportInput([content])))
}

/** What one or several runs give, as the page and the plots take it. */
export function reportInput(contents: readonly RunContent[]): ReportInput {
  const [first] = contents
  const runs = contents.map(({ run }) => run)
  if (contents.length > 1) return { title: `Comparison of ${runs.map(({ name }) => name).join(', ')}`, runs }
  const { command } = first!.manifest
  const { summary } = first!.run
  return {
    title: TITLES[command] ?? `Run of lever ${command}`,
    ...(summary && { intro: `${summary.questions} questions about ${summary.images} images.` }),
    runs,
  }
}

const TITLES: Readonly<Record<string, string>> = {
  demo: 'The demo of Lever',
  evaluate: 'Evaluation',
  train: 'Training',
  sft: 'Supervised training',
  generate: 'Measured rewards',
}
