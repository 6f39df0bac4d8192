import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { drawWorld, writeWorld } from '../fixtures/shapes-vqa/src/makers.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const SEEDS = [0, 1, 2]

interface Row {
  selector: string
  shots: number
}

/** What `lever evaluate --json` prints, in per cent and points. */
interface Evaluated {
  table: (Row & { accuracy: number; ci: [number, number]; n: number })[]
  comparisons: (Row & { baseline: string; delta: number; ci: [number, number]; pHolm: number })[]
  split: (Row & Record<'gain' | 'independent' | 'chosen', { delta: number; ci: [number, number] }>)[]
}

/** Policies `free-S` were trained on agreement with seed S; none of them asked a model. */
export interface FreeLabelFigures extends Evaluated {
  world: string
}

/**
 * Labels that cost no prompt, at 1, 2 and 4 shots, n = 300: policies trained by `lever sft --target agreement` on 600
 * questions and pools of 64 (`mixed`), three seeds, against retrieval over the library and the oracle, on the bundled
 * world and on two that nobody has seen. Everything goes through the command. Results in `LEVER_FREE_LABELS` (a folder)
 * are used again.
 */
export async function run({
  folder = process.env['LEVER_FREE_LABELS'] ?? '',
}: { folder?: string } = {}): Promise<FreeLabelFigures[]> {
  const at = folder === '' ? await mkdtemp(join(tmpdir(), 'lever-free-labels-')) : folder
  const figures: FreeLabelFigures[] = []
  for (const world of ['bundled', 'fresh-1', 'fresh-2']) {
    const root = world === 'bundled' ? `${FIXTURE}world` : join(at, world)
    if (world !== 'bundled' && !existsSync(root)) await writeWorld(root, drawWorld({ seed: world }), world)
    figures.push({ world, ...(await measure(root, join(at, `runs-${world}`))) })
    process.stderr.write(`free-labels: ${JSON.stringify(figures.at(-1))}\n`)
  }
  return figures
}

async function measure(world: string, out: string): Promise<Evaluated> {
  const rows = (split: string): string => join(out, `${split}.safetensors`)
  for (const split of ['train', 'test']) {
    if (!existsSync(rows(split))) await lever('embed', '--dataset', join(world, split), '--out', rows(split))
  }
  const policy = (seed: number): string => join(out, `free-${seed}`)
  for (const seed of SEEDS) {
    await lever(
      ...['sft', '--target', 'agreement', '--dataset', join(world, 'train'), '--embeddings', rows('train')],
      ...['--seed', String(seed), '--out', policy(seed)],
    )
  }
  const printed = await lever(
    ...['evaluate', '--dataset', join(world, 'test'), '--pool-dataset', join(world, 'train')],
    ...['--embeddings', rows('test'), '--pool-embeddings', rows('train'), '--shots', '1,2,4'],
    ...['--selectors', 'random', 'vote', 'rices-both', 'mmr', 'oracle', '--out', join(out, 'evaluate')],
    ...['--policies', ...SEEDS.map((seed) => `free-${seed}=${policy(seed)}/checkpoints/best.safetensors`)],
  )
  const { table, comparisons, split } = JSON.parse(printed) as Evaluated
  return { table, comparisons, split }
}

async function lever(...args: readonly string[]): Promise<string> {
  const options = { maxBuffer: 1e9 }
  const { stdout } = await promisify(execFile)('node', [LEVER, ...args, '--quiet', '--json'], options)
  return stdout
}
