import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { createModel, writeCheckpoint } from '@lever/pointer-model'

export interface TableFigures {
  /** `lever evaluate` of every selector and a policy, greedy and by beam, with report. */
  seconds: number
  selectors: number
  shots: readonly number[]
  questions: number
  /** Answers in the journal: different prompts that the model was asked. */
  prompts: number
  /** The same once more: every answer is in the journal. */
  againSeconds: number
}

const lever = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const world = fileURLToPath(new URL('../fixtures/shapes-vqa/world', import.meta.url))

/** Target: under 60 s on 2 cores. */
export async function run(): Promise<TableFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'lever-table-'))
  try {
    const at = (name: string): string => join(folder, name)
    const call = (...args: string[]): void => {
      execFileSync(process.execPath, [lever, ...args, '--quiet'], { stdio: ['ignore', 'ignore', 'inherit'] })
    }
    for (const split of ['train', 'test'])
      call('embed', '--dataset', join(world, split), '--out', at(`${split}.safetensors`))
    const model = createModel({ architecture: 'cross-attention', settings: { dim: 320 }, seed: 0 })
    await writeCheckpoint(at('policy.safetensors'), { model, info: { phase: 'init' } })
    const evaluate = (): void =>
      call(
        ...['evaluate', '--dataset', join(world, 'test'), '--pool-dataset', join(world, 'train')],
        ...['--validation-dataset', join(world, 'validation'), '--embeddings', at('test.safetensors')],
        ...[
          '--pool-embeddings',
          at('train.safetensors'),
          '--policies',
          `pointer=${at('policy.safetensors')}`,
        ],
        ...['--policy-decoding', 'greedy', 'beam', '--selectors', 'all', '--out', at('run')],
      )
    const first = seconds(evaluate)
    const againSeconds = seconds(evaluate)
    const { table, questions } = JSON.parse(readFileSync(at('run/results.json'), 'utf8')) as {
      table: { selector: string; shots: number }[]
      questions: number
    }
    return {
      seconds: first,
      selectors: new Set(table.map(({ selector }) => selector)).size,
      shots: [...new Set(table.map(({ shots }) => shots))].sort(),
      questions,
      prompts: readFileSync(at('run/answers.jsonl'), 'utf8').trimEnd().split('\n').length - 1,
      againSeconds,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function seconds(work: () => void): number {
  const start = performance.now()
  work()
  return (performance.now() - start) / 1000
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await run())
