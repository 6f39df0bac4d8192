import { writeFileAtomic } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, number, text } from '../options.ts'
import { openSweep, RANKING, runSweep } from '../pipeline/sweep/run-sweep.ts'
import { SCORED } from '../pipeline/sweep/sweep-cell.ts'
import { RANKINGS } from '../pipeline/sweep/sweep-rank.ts'
import { runSweepTest } from '../pipeline/sweep/sweep-test.ts'
import { formatSwept, sweptJson } from '../pipeline/sweep/sweep-text.ts'

export const sweep: Command = defineCommand({
  describe:
    'A grid of trainings from one file (docs/sweeps.md): every cell is lever train in a folder of its own; finished ones are skipped, interrupted ones continue. Ends with a table ranked on validation.',
  files: { name: 'grid', describe: 'YAML file of the grid', min: 1, max: 1 },
  example: 'lever sweep docs/sweeps/rewards.yaml --out runs/sweep --workers 2',
  options: {
    out: text('run directory, a folder per cell in it', { required: true, aliases: ['output-dir'] }),
    workers: number('cells trained at a time, each in a process', { default: 1, min: 1, whole: true }),
    'rank-by': choice('figure of the best policy on validation that ranks', RANKINGS, { default: 'ranked' }),
    score: choice(
      'which policy of a cell is scored and ranked: the best on its validation, or the last',
      SCORED,
      {
        default: 'best',
      },
    ),
    test: flag(
      'after the ranking, evaluate all cells as the grid says under test; recorded as a read of that split',
    ),
  },
  async run({ out, workers, rankBy, score, test }, context, [grid]) {
    const { train } = await import('./train.ts')
    const { evaluate } = await import('./evaluate.ts')
    const trainTable = await train.options()
    const keepEpochs = { ...trainTable['keep-epochs']!, fallback: false }
    const tables = {
      train: { ...trainTable, 'keep-epochs': keepEpochs },
      evaluate: await evaluate.options(),
    }
    const run = await openSweep(out)
    try {
      const swept = await runSweep(run, { grid: grid!, workers, rankBy, score }, tables, context)
      const tested = test ? await runSweepTest(run, swept, tables.evaluate, score, context) : undefined
      const result = sweptJson(swept, rankBy)
      const json = { ...result, ...(tested && { test: tested.json }), out: run.path }
      await writeFileAtomic(run.file(RANKING), `${JSON.stringify(json, null, 2)}\n`)
      const parts = [formatSwept(result), ...(tested ? [tested.text] : []), `run directory: ${run.path}`]
      return { json, text: parts.join('\n\n'), exitCode: swept.failed.length > 0 ? 1 : 0 }
    } finally {
      await run.close()
    }
  },
})
