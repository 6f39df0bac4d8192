import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const SELECTORS = ['zero-shot', 'random', 'static', 'rices-text', 'rices-both', 'mmr']
/** Numbers of demonstrations, each evaluated when those before it are: a report stands after each. */
const STAGES = [
  [0, 1],
  [0, 1, 2],
  [0, 1, 2, 4],
]
/** The second wording of the pilot; the first is that of PICa. */
const OTHER_WORDING = 'Answer in one or two words.'

/** Folder that `bench/real/prepare.py` made, and how much of it is used. */
interface StudySizes {
  /** Questions whose singles are measured. */
  readonly queries: number
  /** Test questions that are evaluated. */
  readonly test: number
  /** Trainings of the policy, one a seed. */
  readonly seeds: number
  /** Draws of the selector `random`. */
  readonly draws: number
}

const SIZES: StudySizes = {
  queries: number('REAL_QUERIES', 300),
  test: number('REAL_TEST', 900),
  seeds: number('REAL_SEEDS', 3),
  draws: number('REAL_DRAWS', 1),
}
/** Questions of the pilot. */
const PILOT = 48
const DTYPE = process.env['REAL_DTYPE'] ?? 'q8'
const SEEDS = Array.from({ length: SIZES.seeds }, (_, seed) => seed)

/**
 * The study of docs/real-benchmark.md: SmolLM2-135M answers OK-VQA from captions. A pilot, then the expected accuracy of
 * single demonstrations, policies trained on it with three seeds and one on agreement, and the evaluation of all of them
 * beside zero-shot, random, static and retrieval at 0, 1, 2 and 4 demonstrations, by accuracy and by expected accuracy. A
 * prompt that several selectors choose is asked once, and what was measured is kept: the same call continues.
 *
 * `REAL_DIR` names the folder of the inputs, `REAL_OUT` that of the runs; `REAL_QUERIES`, `REAL_TEST`, `REAL_SEEDS` and
 * `REAL_DRAWS` are sizes, `REAL_DTYPE` the model's file.
 */
export async function run(): Promise<unknown> {
  const data = resolve(process.env['REAL_DIR'] ?? 'real')
  const out = resolve(process.env['REAL_OUT'] ?? join('runs', 'real'))
  if (!existsSync(join(data, 'model', 'config.json'))) {
    return { skipped: `${data} has no model; make it with bench/real/prepare.py (docs/real-benchmark.md)` }
  }
  await embed(data)
  const wins = await pilot(data, out)
  const singles = await measure(data, out)
  await train(data, out, singles)
  return { pilot: wins, evaluation: await evaluate(data, out, singles) }
}

async function embed(data: string): Promise<void> {
  for (const split of ['library', 'train', 'validation', 'test']) {
    const file = join(data, `${split}.safetensors`)
    if (existsSync(file)) continue
    const model = ['--embedder', 'sentence', '--model', join(data, 'embedder'), '--threads', '1']
    await lever(['embed', ...model, '--dataset', join(data, split), '--kind', 'both', '--out', file])
  }
}

/** What there is to win, from two wordings of the prompt. */
async function pilot(data: string, out: string): Promise<unknown> {
  const run = join(out, 'pilot')
  const told = await lever([
    ...[
      'pilot',
      ...modelOf(data),
      ...placesOf(data, 'validation'),
      '--other-system',
      OTHER_WORDING,
      '--json',
    ],
    ...flags({ queries: PILOT, singles: 16, seed: 1, out: run }),
  ])
  return JSON.parse(told) as unknown
}

/** Expected accuracies of 16 single demonstrations a question, 12 of them random. */
async function measure(data: string, out: string): Promise<string> {
  const run = join(out, 'singles')
  const file = join(run, 'rl-data.json')
  if (existsSync(file)) return file
  const proposals = { 'num-beams': 0, 'num-samples-per-temp': 0, 'num-retrieval': 4, 'num-random': 12 }
  await lever([
    'generate',
    ...modelOf(data),
    ...placesOf(data, 'train'),
    ...flags({ queries: SIZES.queries, shots: 1, ...proposals, reward: 'expected', seed: 1, out: run }),
  ])
  return file
}

async function train(data: string, out: string, singles: string): Promise<void> {
  const embeddings = [
    ...['--embeddings', join(data, 'library.safetensors')],
    ...['--query-embeddings', join(data, 'train.safetensors')],
  ]
  const reward = { 'reward-mode': 'expected_accuracy', 'normalize-method': 'none', 'listwise-temp': 0.1 }
  for (const seed of SEEDS) {
    const run = join(out, `policy-${seed}`)
    if (existsSync(checkpointOf(run))) continue
    const options = flags({ preset: 'recommended', ...reward, seed, out: run })
    await lever(['train', '--rl-data', singles, ...embeddings, ...options])
  }
  const run = join(out, 'agreement')
  if (existsSync(checkpointOf(run))) return
  const places = ['--dataset', join(data, 'train'), '--pool-dataset', join(data, 'library')]
  await lever(['sft', '--target', 'agreement', ...places, ...embeddings, ...flags({ seed: 0, out: run })])
}

async function evaluate(data: string, out: string, singles: string): Promise<unknown> {
  const run = join(out, 'evaluate')
  const policies = [
    ...SEEDS.map((seed) => `expected-${seed}=${checkpointOf(join(out, `policy-${seed}`))}`),
    `agreement=${checkpointOf(join(out, 'agreement'))}`,
  ]
  const sizes = { queries: SIZES.test, seeds: SIZES.draws, 'split-gain': 0 }
  for (const shots of STAGES) {
    await lever([
      'evaluate',
      ...modelOf(data),
      ...placesOf(data, 'test'),
      ...['--selectors', ...SELECTORS, '--policies', ...policies, '--shots', ...shots.map(String)],
      ...flags({ ...sizes, 'static-data': singles, seed: 1, out: run }),
    ])
  }
  return JSON.parse(await readFile(join(run, 'results.json'), 'utf8')) as unknown
}

function modelOf(data: string): string[] {
  return flags({ model: join(data, 'model'), dtype: DTYPE, workers: 2, threads: 1 })
}

function placesOf(data: string, split: string): string[] {
  return flags({
    dataset: join(data, split),
    'pool-dataset': join(data, 'library'),
    embeddings: join(data, `${split}.safetensors`),
    'pool-embeddings': join(data, 'library.safetensors'),
  })
}

function checkpointOf(run: string): string {
  return join(run, 'checkpoints', 'best.safetensors')
}

function flags(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])
}

function number(name: string, byDefault: number): number {
  const value = Number(process.env[name] ?? byDefault)
  if (Number.isInteger(value) && value > 0) return value
  throw new RangeError(`bench: ${name} is ${process.env[name]!}; give a whole number from 1`)
}

async function lever(args: readonly string[]): Promise<string> {
  const running = promisify(execFile)(process.execPath, [LEVER, ...args], { maxBuffer: 2 ** 28 })
  running.child.stderr?.pipe(process.stderr)
  return (await running).stdout
}
