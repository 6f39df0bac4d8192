import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { train } from '@lever/grpo-trainer'
import type { PhaseOptions } from '@lever/grpo-trainer'
import { createModel } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'

/*
 * A small training (RCE, then GRPO), killed by SIGKILL at random moments after its first
 * save and run again: every file must have the bytes of
 * the training that nobody disturbed.
 */

export interface KillFigures {
  /** Trainings that were killed once. */
  readonly killed: number
  /** Those whose files are all the same after they were continued. */
  readonly same: number
  /** What differs: the number of the training and the file. */
  readonly different: readonly string[]
  /** Trainings that had finished before they were killed. */
  readonly afterTheEnd: number
}

/** Kills `kills` trainings at moments drawn over the length of one. */
export async function run({
  kills = 50,
  seed = 1,
}: { kills?: number; seed?: number } = {}): Promise<KillFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-kill-'))
  try {
    const whole = join(folder, 'whole')
    const length = (await trainElsewhere(whole)).milliseconds
    const expected = await hashesOf(whole)
    const random = createRandom(seed, 'kill')
    const different: string[] = []
    let afterTheEnd = 0
    for (let i = 0; i < kills; i++) {
      const output = join(folder, String(i))
      const { finished } = await trainElsewhere(output, random.next() * length)
      if (finished) afterTheEnd += 1
      await trainElsewhere(output)
      const found = await hashesOf(output)
      const names = new Set([...Object.keys(expected), ...Object.keys(found)])
      for (const name of names) if (found[name] !== expected[name]) different.push(`${i}: ${name}`)
      await rm(output, { recursive: true })
    }
    const bad = new Set(different.map((text) => text.split(':')[0]))
    return { killed: kills, same: kills - bad.size, different, afterTheEnd }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Trains in a process of its own; kills it some milliseconds after its first save. */
async function trainElsewhere(
  output: string,
  killAfter?: number,
): Promise<{ finished: boolean; milliseconds: number }> {
  const file = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [...process.execArgv, file, output], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let started = performance.now()
  let timer: NodeJS.Timeout | undefined
  child.stdout.once('data', () => {
    started = performance.now()
    if (killAfter !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), killAfter)
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  if (code !== 0 && killAfter === undefined)
    throw new Error(`bench: the training ended with exit code ${code}`)
  return { finished: code === 0, milliseconds: performance.now() - started }
}

async function hashesOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(folder, { recursive: true }).catch((): string[] => [])).sort()) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined)
    if (bytes !== undefined) found[name] = createHash('sha256').update(bytes).digest('hex')
  }
  return found
}

async function trainHere(output: string): Promise<void> {
  const groups = smallData(48)
  const random = createRandom(1, 'embeddings')
  const embeddings = { data: Float32Array.from({ length: 64 * 16 }, () => random.normal() / 4), dim: 16 }
  const data = { groups: groups.slice(0, 36), validation: groups.slice(36), embeddings }
  const shared = { learningRate: 0.003, batchSize: 4 }
  const phases: PhaseOptions[] = [
    { objective: 'rce', epochs: 10, dropout: 0.3, attentionDropout: 0.1, average: 0.5, ...shared },
    { objective: 'grpo', epochs: 6, options: { numIterations: 2 }, ...shared },
  ]
  const model = createModel({ settings: { dim: 16, hidden: 16 }, seed: 1 })
  for await (const event of train({
    model,
    data,
    phases,
    output,
    chunk: 4,
    saveEvery: 4,
    tensorboard: true,
  })) {
    if (event.type === 'saved') process.stdout.write('saved\n')
  }
}

/** Queries with six random pointers of two out of eight examples, and random rewards. */
function smallData(count: number): Group[] {
  const random = createRandom(1, 'data')
  const rows = Array.from({ length: 64 }, (_, row) => row)
  return Array.from({ length: count }, (_, queryId): Group => {
    const poolIds = random.sample(rows, 8)
    const rewards = Float64Array.from({ length: 6 }, () => random.normal())
    return {
      queryId,
      imageId: queryId,
      queryRow: queryId,
      poolIds,
      poolRows: Int32Array.from(poolIds),
      pointers: Int32Array.from(Array.from(rewards, () => random.sample([0, 1, 2, 3, 4, 5, 6, 7], 2)).flat()),
      size: 6,
      shots: 2,
      rewards,
      rawRewards: rewards,
      logProbs: null,
      methods: Array.from(rewards, () => 'random'),
    }
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , output] = process.argv
  if (output === undefined) console.table(await run())
  else await trainHere(output)
}
