import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { drawComposition, writeWorld } from '../fixtures/shapes-vqa/src/makers.ts'
import { compositionTables } from './support/composition-tables.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-vqa/', import.meta.url))
const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const RESULTS = fileURLToPath(new URL('../docs/results.md', import.meta.url))
const MODEL = ['--model', join(FIXTURE, 'composition-model')]
const BASELINES = [
  ...['zero-shot', 'majority-vote', 'copy-nearest', 'random', 'static', 'bm25', 'rices-image', 'rices-text'],
  ...['rices-both', 'mmices', 'mmr', 'k-means', 'vote'],
]

const GRU = ['--architecture', 'mlp-gru']
const SLOW = ['--batch-size', '8', '--schedule', 'cosine', '--dropout', '0.1', '--hidden', '64']
const RCE = [...GRU, ...SLOW, '--rce-epochs', '20', '--rce-lr', '1e-3']
const RECOMMENDED = ['--preset', 'recommended']

const MIXED = 'listwise + 0.3 rce, gru'

/** What learns, by the name of its row: flags of `lever train`. All learn from the same prompts. */
const RECIPES: Readonly<Record<string, readonly string[]>> = {
  'rce, as the method': [],
  'listwise, recommended': RECOMMENDED,
  'rce, gru': RCE,
  'listwise, gru': [...RECOMMENDED, ...GRU],
  [MIXED]: [...RECOMMENDED, ...GRU, '--set', 'listwise+rce.weight=0.3'],
  'grpo, gru': [...GRU, ...SLOW, '--rce-epochs', '0', '--grpo-epochs', '20', '--grpo-lr', '1e-3'],
  'rce, then grpo, gru': [...RCE, '--grpo-epochs', '3', '--grpo-lr', '1e-4'],
}
/** Learns from a label that needs no model: the share of the answer's words that the demonstrations' answers hold. */
const OVERLAP = 'word overlap, no prompt'
const SEEDS = [0, 1, 2]
/** A row of `lever evaluate --json`: per cent. */
export interface Row {
  selector: string
  shots: number
  accuracy: number
  ci: readonly [number, number]
  n: number
}
export interface Difference {
  selector: string
  shots: number
  baseline: string
  delta: number
  ci: readonly [number, number]
}
export interface Evaluated {
  table: readonly Row[]
  comparisons: readonly Difference[]
  oracle: readonly { shots: number; how: string; measured: number }[]
}
export interface CompositionFigures {
  worlds: Readonly<Record<string, Evaluated>>
  /** What `lever sft --target agreement` says. */
  agreement: string
  prompts: number
  policies: Evaluated
  /** Row of each policy: recipe, prompts, seed. */
  names: readonly { name: string; recipe: string; prompts: number; seed: number }[]
}

/**
 * The composition world: every baseline over its library on the bundled world and two that nobody has seen, then what
 * learns there from the same prompts, three seeds each. Writes the tables into docs/results.md. What lies
 * in `LEVER_COMPOSITION` from an earlier call is used again.
 */
export async function run({
  folder = process.env['LEVER_COMPOSITION'] ?? '',
}: { folder?: string } = {}): Promise<CompositionFigures> {
  const root = folder === '' ? await mkdtemp(join(tmpdir(), 'lever-composition-')) : folder
  const worlds: Record<string, Evaluated> = {}
  for (const name of ['bundled', 'fresh-1', 'fresh-2']) worlds[name] = await evaluateWorld(root, name)
  const agreement = await agreementSays(root)
  const { prompts, names, policies } = await learn(root)
  const figures = { worlds, agreement, prompts, policies, names }
  await writeTables(figures)
  return figures
}

interface World {
  folder: string
  /** Folder of a split, and its embeddings. */
  split: (name: Split) => string
  embeddings: (name: Split) => string
}
type Split = 'library' | 'train' | 'validation' | 'test'

async function openWorld(root: string, name: string): Promise<World> {
  const folder = join(root, name)
  const data = name === 'bundled' ? join(FIXTURE, 'world') : join(folder, 'world')
  if (name !== 'bundled' && !existsSync(data)) await writeWorld(data, drawComposition({ seed: name }), name)
  const split = (part: Split): string => join(data, `composition-${part}`)
  const embeddings = (part: Split): string => join(folder, `${part}.safetensors`)
  for (const part of ['library', 'train', 'test'] as const)
    if (!existsSync(embeddings(part)))
      await lever('embed', '--dataset', split(part), ...MODEL, '--out', embeddings(part))
  return { folder, split, embeddings }
}

/** Accuracy of `selectors` and policies on the test split. */
async function evaluate(
  { split, embeddings }: World,
  out: string,
  selectors: readonly string[],
  policies: readonly string[] = [],
): Promise<Evaluated> {
  const text = await lever(
    ...['evaluate', '--dataset', split('test'), '--pool-dataset', split('library'), ...MODEL],
    ...['--embeddings', embeddings('test'), '--pool-embeddings', embeddings('library')],
    ...['--validation-dataset', split('validation'), '--selectors', ...selectors],
    ...(policies.length === 0 ? [] : ['--policies', ...policies, '--split-gain', '0']),
    ...['--out', out, '--json'],
  )
  return JSON.parse(text) as Evaluated
}

async function evaluateWorld(root: string, name: string): Promise<Evaluated> {
  const world = await openWorld(root, name)
  return evaluate(world, join(world.folder, 'baselines'), [...BASELINES, 'oracle'])
}

async function agreementSays(root: string): Promise<string> {
  const { split, embeddings } = await openWorld(root, 'bundled')
  const refused = await lever(
    ...['sft', '--target', 'agreement', '--dataset', split('train'), '--pool-dataset', split('library')],
    ...['--embeddings', embeddings('library'), '--query-embeddings', embeddings('train')],
    ...['--out', join(root, 'agreement')],
  ).catch((error: unknown) => (error as { stderr: string }).stderr.trim())
  if (!/nothing to teach/.test(refused)) throw new Error(`agreement learns on this world: ${refused}`)
  return refused
}

interface Data {
  queries: Record<string, { pointer_candidates: Pointer[]; query: { query_id: number } }>
  meta: unknown
}
interface Pointer {
  pointer_global: number[]
  vqa_correct: number
  vqa_acc_score: number
}

async function learn(root: string): Promise<Pick<CompositionFigures, 'prompts' | 'names' | 'policies'>> {
  const world = await openWorld(root, 'bundled')
  const { folder, split, embeddings } = world
  const generated = join(folder, 'rewards')
  await lever(
    ...['generate', '--dataset', split('train'), '--pool-dataset', split('library'), ...MODEL],
    ...['--embeddings', embeddings('train'), '--pool-embeddings', embeddings('library')],
    ...['--num-retrieval', '24', '--group-size', '36', '--out', generated],
  )
  const rlData = join(generated, 'rl-data.json')
  const data = await readData(rlData)
  const prompts = countPrompts(data)
  const overlap = join(folder, 'overlap.json')
  await writeData(overlap, await labelOverlap(data, world))
  const plans: Plan[] = []
  for (const seed of SEEDS) {
    for (const recipe of Object.keys(RECIPES)) plans.push({ recipe, rlData, prompts, seed })
    plans.push({ recipe: OVERLAP, rlData: overlap, prompts: 0, seed })
  }
  const trained = await inPairs(plans, (plan) => train(world, plan))
  const policies = trained.map(({ name, checkpoint }) => `${name}=${checkpoint}`)
  const names = trained.map(({ name }, i) => ({ name, ...plans[i]! }))
  const evaluated = await evaluate(world, join(folder, 'policies'), [...BASELINES, 'oracle'], policies)
  return { prompts, names, policies: evaluated }
}

interface Plan {
  recipe: string
  rlData: string
  prompts: number
  seed: number
}

async function train(
  { folder, embeddings }: World,
  { recipe, rlData, prompts, seed }: Plan,
): Promise<{ name: string; checkpoint: string }> {
  const name = `${recipe.replaceAll(/[^a-z0-9.]+/g, '-')}-${prompts}-${seed}`
  const out = join(folder, name)
  const manifest = join(out, 'manifest.json')
  if (!existsSync(manifest) || !(await readFile(manifest, 'utf8')).includes('"best"'))
    await lever(
      ...['train', '--rl-data', rlData, '--embeddings', embeddings('library')],
      ...['--query-embeddings', embeddings('train'), ...(RECIPES[recipe] ?? RECIPES[MIXED]!)],
      ...['--no-keep-epochs', '--seed', String(seed), '--out', out],
    )
  return { name, checkpoint: join(out, 'checkpoints/best.safetensors') }
}

/** Two at a time; the results in the order of the items. */
async function inPairs<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!)
  }
  await Promise.all([worker(), worker()])
  return results
}

async function readData(path: string): Promise<Data> {
  const { _meta: meta, ...queries } = JSON.parse(await readFile(path, 'utf8')) as Record<string, never>
  return { meta, queries }
}

async function writeData(path: string, { meta, queries }: Data): Promise<void> {
  await writeFile(path, JSON.stringify({ _meta: meta, ...queries }))
}

const countPrompts = ({ queries }: Data): number =>
  Object.values(queries).reduce((sum, { pointer_candidates: pointers }) => sum + pointers.length, 0)

/** The same pointers, rewarded without a model: the share of the answer's words among the words of their answers. */
async function labelOverlap({ meta, queries }: Data, { split }: World): Promise<Data> {
  const [shown, asked] = [await answersOf(split('library')), await answersOf(split('train'))]
  const labelled = Object.entries(queries).map(([key, query]) => {
    const words = asked.get(query.query.query_id)!.split(' ')
    const pointers = query.pointer_candidates.map((pointer) => {
      const told = new Set(pointer.pointer_global.flatMap((id) => shown.get(id)!.split(' ')))
      const share = words.filter((word) => told.has(word)).length / words.length
      return { ...pointer, vqa_acc_score: share, vqa_correct: share > 0 ? 1 : 0 }
    })
    return [key, { ...query, pointer_candidates: pointers }] as const
  })
  return { meta, queries: Object.fromEntries(labelled) }
}

async function answersOf(split: string): Promise<Map<number, string>> {
  const { annotations } = JSON.parse(await readFile(join(split, 'annotations.json'), 'utf8')) as {
    annotations: { question_id: number; multiple_choice_answer: string }[]
  }
  return new Map(annotations.map((row) => [row.question_id, row.multiple_choice_answer]))
}

async function lever(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('node', [LEVER, ...args, '--quiet'], { maxBuffer: 2 ** 28 })
  return stdout
}

async function writeTables(figures: CompositionFigures): Promise<void> {
  const before = await readFile(RESULTS, 'utf8')
  const marked = /(<!-- composition -->\n)[^]*(<!-- end of composition -->)/
  if (!marked.test(before)) throw new Error('docs/results.md has no <!-- composition --> ... <!-- end -->')
  const text = compositionTables(figures)
  await writeFile(
    RESULTS,
    before.replace(marked, (_, start: string, end: string) => `${start}\n${text}\n\n${end}`),
  )
}
