import { writeFileAtomic } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, number, text } from '../options.ts'
import { axesOf, openSweep, runSweep } from '../pipeline/sweep/run-sweep.ts'
import { readGrid } from '../pipeline/sweep/sweep-grid.ts'
import { runSweepTest } from '../pipeline/sweep/sweep-test.ts'
import { formatSwept } from '../pipeline/sweep/sweep-text.ts'

export const sweep: Command = defineCommand({
  describe:
    'A grid of trainings from one file (docs/sweeps.md): every cell is lever train in a folder of its own; finished ones are skipped, interrupted ones continue. Ends with a table ranked on validation.',
  files: { name: 'grid', describe: 'YAML file of the grid', min: 1, max: 1 },
  example: 'lever sweep docs/sweeps/rewards.yaml --out runs/sweep --workers 2',
  async options() {
    const { CELL_POLICIES, RANKINGS } = await import('@lever/grpo-trainer')
    return {
      out: text('run directory, a folder per cell in it', { required: true, aliases: ['output-dir'] }),
      workers: number('cells trained at a time, each in a process', { default: 1, min: 1, whole: true }),
      'rank-by': choice('figure of the best policy on validation that ranks', RANKINGS, {
        default: 'ranked',
      }),
      score: choice(
        'which policy of a cell is scored and ranked: the best on its validation, or the last',
        CELL_POLICIES,
        {
          default: 'best',
        },
      ),
      test: flag(
        'after the ranking, evaluate all cells as the grid says under test; recorded as a read of that split',
      ),
    }
  },
  async run({ test, ...choice }, context, [file]) {
    const { train } = await import('./train.ts')
    const { evaluate } = await import('./evaluate.ts')
    const trainTable = await train.options()
    const table = { ...trainTable, 'keep-epochs': { ...trainTable['keep-epochs']!, fallback: false } }
    const evaluateTable = await evaluate.options()
    const grid = await readGrid(file!, table, evaluateTable)
    const swept = await runSweep(grid, choice, table, context)
    const { RANKING_FILE, sweepResult } = await import('@lever/grpo-trainer')
    const run = await openSweep(choice.out)
    try {
      const tested = test
        ? await runSweepTest(run, { ...swept, grid }, evaluateTable, choice.score, context)
        : undefined
      const result = sweepResult(swept, axesOf(grid), choice.rankBy)
      const json = { ...result, ...(tested && { test: tested.json }), out: run.path }
      await writeFileAtomic(run.file(RANKING_FILE), `${JSON.stringify(json, null, 2)}\n`)
      const parts = [formatSwept(result), ...(tested ? [tested.text] : []), `run directory: ${run.path}`]
      return { json, text: parts.join('\n\n'), exitCode: swept.failed.length > 0 ? 1 : 0 }
    } finally {
      await run.close()
    }
  },
})
