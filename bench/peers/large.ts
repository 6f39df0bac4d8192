import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openVqaModel, type Prompt } from '@lever/vqa-model'

/**
 * A text model with more than 2 GB of weights: whether it opens and answers as in ONNX Runtime for Python, how long one
 * prompt takes, and the most memory of each process.
 *
 *     LEVER_PYTHON=python npx tsx bench/peers/large.ts FOLDER
 */
const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('large.py', import.meta.url))
const FIXTURE = new URL('../../fixtures/tiny-text/expected.json', import.meta.url)

interface Figures {
  tokens?: number[]
  text?: string
  openSeconds: number
  seconds: number
  processorSeconds: number
  gib: number
}

/** The longest prompt of the fixture, with its token ids. */
async function longestCase(): Promise<{ ids: number[]; prompt: Prompt }> {
  const { world, cases } = JSON.parse(await readFile(FIXTURE, 'utf8')) as {
    world: { context: string; question: string; answer: string }[]
    cases: { shown: number[]; asked: number; ids: number[] }[]
  }
  const { shown, asked, ids } = cases.reduce((most, one) => (one.ids.length > most.ids.length ? one : most))
  const example = (id: number): Prompt['demonstrations'][number] => ({ id, ...world[id]! })
  return { ids, prompt: { demonstrations: shown.map(example), query: example(asked) } }
}

async function ours(folder: string): Promise<Figures> {
  const { prompt } = await longestCase()
  const opening = performance.now()
  const model = await openVqaModel({
    ...{ backend: 'onnx', model: folder, threads: 1, sharing: false, maxNewTokens: 5, stop: [] },
    cacheFolder: `${folder}/cache`,
  })
  const opened = performance.now()
  const used = process.cpuUsage()
  const [answer] = await model.answer([prompt])
  const { user, system } = process.cpuUsage(used)
  const seconds = (performance.now() - opened) / 1000
  await model.close()
  if (answer!.error !== undefined) throw new Error(answer!.error)
  return {
    text: answer!.raw ?? '',
    openSeconds: (opened - opening) / 1000,
    seconds,
    processorSeconds: (user + system) / 1e6,
    gib: process.resourceUsage().maxRSS / 2 ** 20,
  }
}

async function measure(folder: string): Promise<void> {
  const python = process.env['LEVER_PYTHON'] ?? 'python3'
  await run(python, [SCRIPT, 'make', folder])
  const { ids } = await longestCase()
  const env = { ...process.env, OMP_NUM_THREADS: '1' }
  const theirs = await run(python, [SCRIPT, 'ask', folder, JSON.stringify(ids)], { env })
  const mine = await run(process.execPath, [...process.execArgv, process.argv[1]!, '--ours', folder])
  console.log(ids.length, 'tokens')
  console.log('python', theirs.stdout.trim())
  console.log('ours  ', mine.stdout.trim())
}

const [first = '', ...rest] = process.argv.slice(2)
if (first === '--ours') console.log(JSON.stringify(await ours(rest[0]!)))
else if (first === '') throw new Error('usage: npx tsx bench/peers/large.ts FOLDER')
else await measure(first)
