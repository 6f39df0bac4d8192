import { writeFileAtomic } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { CONTINUES, defineCommand, optionsOf } from '../command.ts'
import { openSweep, runSweep } from '../pipeline/sweep/run-sweep.ts'
import { runSweepTest } from '../pipeline/sweep/sweep-test.ts'

export const sweep: Command = defineCommand({
  describe:
    'Trains a grid of policies from one file (docs/sweeps.md): every cell is a lever train in a folder of its own. Finished cells are skipped and interrupted ones continue. Ends with a table ranked on validation.',
  files: { name: 'grid', describe: 'YAML file with the grid', min: 1, max: 1 },
  example: 'lever sweep docs/sweeps/rewards.yaml --out runs/sweep --workers 2',
  async options() {
    const { CELL_POLICIES, RANKINGS } = await import('@lever/grpo-trainer')
    return {
      Training: {
        workers: {
          type: 'number',
          about: 'cells trained at the same time, each in a process of its own',
          default: 1,
          min: 1,
          whole: true,
        },
      },
      Evaluation: {
        rankBy: {
          type: 'text',
          about: 'figure on validation that ranks the best policies',
          choices: RANKINGS,
          default: 'ranked',
        },
        score: {
          type: 'text',
          about: 'policy of a cell that is scored and ranked: its best on validation, or its last',
          choices: CELL_POLICIES,
          default: 'best',
        },
        test: {
          type: 'flag',
          about:
            'evaluate all cells after the ranking, as the grid says under test; recorded as a read of that split',
        },
      },
      Output: {
        out: {
          type: 'text',
          about: 'run directory, with a folder per cell in it',
          required: true,
          aliases: ['output-dir'],
        },
      },
    }
  },
  interrupted: () => CONTINUES,
  async run({ test, ...choice }, context, [file]) {
    const { formatSwept, gridAxes, RANKING_FILE, readGrid, sweepResult } = await import('@lever/grpo-trainer')
    const { train } = await import('./train.ts')
    const { evaluate } = await import('./evaluate.ts')
    const trainTable = await optionsOf(train)
    const keepEpochs = { type: 'flag', about: trainTable['keepEpochs']!.about, default: false } as const
    const table = { ...trainTable, keepEpochs }
    const evaluateTable = await optionsOf(evaluate)
    const grid = await readGrid(file!, table, evaluateTable)
    const swept = await runSweep(grid, choice, table, context)
    const run = await openSweep(choice.out)
    try {
      const tested = test
        ? await runSweepTest(run, { ...swept, grid }, evaluateTable, choice.score, context)
        : undefined
      const result = sweepResult(swept, gridAxes(grid), choice.rankBy)
      const json = { ...result, ...(tested && { test: tested.json }), out: run.path }
      await writeFileAtomic(run.file(RANKING_FILE), `${JSON.stringify(json, null, 2)}\n`)
      const parts = [formatSwept(result), ...(tested ? [tested.text] : []), `run directory: ${run.path}`]
      return { json, text: parts.join('\n\n'), exitCode: swept.failed.length > 0 ? 1 : 0 }
    } finally {
      await run.close()
    }
  },
})
