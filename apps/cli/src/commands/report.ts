import { resolve } from 'node:path'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew } from '../files.ts'
import { flag, number, text } from '../options.ts'
import { reportingTo } from '../pipeline/evaluate/events.ts'
import { reportSources } from '../pipeline/report/report.ts'

/** Questions in the browser of examples. */
const DEFAULT_EXAMPLES = 500

export const report: Command = defineCommand({
  describe:
    'One HTML page about one run, or several to compare: accuracy with intervals, differences, the ranking of a sweep, training curves, measured rewards, examples with images, how it was measured. It opens offline.',
  example: 'lever report runs/evaluate runs/train --out comparison.html --plots plots',
  files: {
    name: 'runs',
    describe: 'run directories of evaluate, train, sft, sweep, generate or demo',
    min: 1,
    max: 50,
  },
  options: {
    out: text('new HTML file', { shown: 'report.html in the first run directory, which is replaced' }),
    markdown: flag('print Markdown, for papers and READMEs'),
    plots: text('folder for the plots as SVG files'),
    examples: number('questions in the browser of examples, of every run', {
      default: DEFAULT_EXAMPLES,
      min: 0,
      whole: true,
    }),
    dataset: text('folder of the dataset, for the examples', { shown: 'where the run found it' }),
    'pool-dataset': text('folder of the dataset that demonstrations come from', {
      shown: 'where the run found it',
    }),
  },
  async run({ markdown, dataset, poolDataset, ...settings }, context, runs) {
    const { out } = settings
    if (out !== undefined) await requireNew(resolve(out), '--out')
    const { reportRuns } = await import('@lever/icl-eval')
    const sources = await reportSources(context.progress, { dataset, poolDataset })
    const made = await reportRuns({ ...settings, ...sources, ...reportingTo(context), runs })
    return { json: made.json, text: markdown ? made.markdown : made.text }
  },
})
