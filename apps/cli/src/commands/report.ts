import { resolve } from 'node:path'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requireNew } from '../files.ts'
import { reportingTo } from '../pipeline/evaluate/events.ts'
import { reportSources } from '../pipeline/report/report.ts'

export const report: Command = defineCommand({
  describe:
    'Writes one HTML page about a run, or about several to compare: accuracy with intervals, differences, the ranking of a sweep, training curves, measured rewards, examples with images, and how everything was measured. It opens offline.',
  example: 'lever report runs/evaluate runs/train --out comparison.html --plots plots',
  files: {
    name: 'runs',
    describe: 'run directories of evaluate, train, sft, sweep, generate or demo',
    min: 1,
    max: 50,
  },
  options: {
    Data: {
      dataset: {
        type: 'text',
        about: 'dataset folder for the examples in the report',
        unset: 'where the run found it',
      },
      poolDataset: {
        type: 'text',
        about: 'folder of the dataset that demonstrations come from, for the examples in the report',
        unset: 'where the run found it',
      },
    },
    Output: {
      out: {
        type: 'text',
        about: 'new HTML file',
        unset: 'report.html in the first run directory, which is replaced',
      },
      markdown: { type: 'flag', about: 'print Markdown, for papers and READMEs' },
      plots: { type: 'text', about: 'folder to write the plots to, as SVG files' },
      examples: {
        type: 'number',
        about: 'questions per run in the browser of examples',
        default: 500,
        min: 0,
        whole: true,
      },
    },
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
