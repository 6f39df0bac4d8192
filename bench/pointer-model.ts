import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { ARCHITECTURE_NAMES, createModel, openPolicy } from '@lever/pointer-model'
import type { Policy, PolicyInput } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'

export interface DecodingFigures {
  architecture: string
  what: string
  queries: number
  threads: number
  /** Median over rounds. */
  millisecondsPerQuery: number
}

/** Decoding for 1,000 queries with pools of 64, D=768, H=256. */
export async function run({
  queries = 1000,
  rounds = 5,
  threads = [1, 2],
}: { queries?: number; rounds?: number; threads?: readonly number[] } = {}): Promise<DecodingFigures[]> {
  const random = createRandom(1, 'bench')
  const [rows, dim, pool] = [2000, 768, 64]
  const data = Float32Array.from({ length: rows * dim }, () => random.normal() / Math.sqrt(dim))
  const all = Array.from({ length: rows }, (_, row) => row)
  const items = Array.from({ length: queries }, (_, i) => ({ row: i % rows, pool: random.sample(all, pool) }))
  const input: PolicyInput = { queries: { data, dim }, items }
  const randoms = items.map((_, i) => createRandom(1, i))
  const jobs: Record<string, (policy: Policy) => Promise<unknown>> = {
    'greedy, K=2': (policy) => policy.greedy(input, { shots: 2 }),
    'greedy, K=4': (policy) => policy.greedy(input, { shots: 4 }),
    'beam 5, K=4': (policy) => policy.beam(input, { shots: 4, width: 5 }),
    'sample 4, K=2': (policy) => policy.sample(input, { shots: 2, count: 4, randoms }),
  }
  const figures: DecodingFigures[] = []
  for (const architecture of ARCHITECTURE_NAMES) {
    const model = createModel({ architecture, settings: { dim, hidden: 256 } })
    for (const count of threads) {
      const policy = await openPolicy(model, { threads: count })
      for (const [what, job] of Object.entries(jobs)) {
        const times: number[] = []
        for (let i = 0; i <= rounds; i++) {
          const start = performance.now()
          await job(policy)
          if (i > 0) times.push((performance.now() - start) / queries)
        }
        const middle = times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!
        figures.push({ architecture, what, queries, threads: count, millisecondsPerQuery: middle })
      }
      await policy.close()
    }
  }
  return figures
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await run())
