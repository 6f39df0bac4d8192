import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openVqaModel, parseDtypes, type Prompt } from '@lever/vqa-model'
import { loadTextCodec } from '../../packages/vqa-model/src/onnx/tokenizer.ts'

/**
 * A text model with more than 2 GB of weights, in fp32 and in fp16: whether it opens and answers as in ONNX Runtime for
 * Python, how long opening and one prompt take, and the most memory of each process. Ours is opened twice: at first the
 * weights are hashed and the decoder is tried.
 *
 *     LEVER_PYTHON=python npx tsx bench/peers/large.ts FOLDER [fp32|fp16...]
 */
const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('large.py', import.meta.url))
const FIXTURE = new URL('../../fixtures/tiny-text/expected.json', import.meta.url)

interface Times {
  seconds: number
  processorSeconds: number
}

interface Figures {
  text: string
  opening: Times
  answering: Times
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

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; times: Times }> {
  const [start, used] = [performance.now(), process.cpuUsage()]
  const value = await work()
  const { user, system } = process.cpuUsage(used)
  const seconds = (performance.now() - start) / 1000
  return { value, times: { seconds, processorSeconds: (user + system) / 1e6 } }
}

async function ours(folder: string, dtype: string): Promise<Figures> {
  const { prompt } = await longestCase()
  const options = { threads: 1, sharing: false, maxNewTokens: 5, stop: [], dtype: parseDtypes(dtype) }
  const { value: model, times: opening } = await timed(() =>
    openVqaModel({ backend: 'onnx', model: folder, ...options, cacheFolder: `${folder}/cache` }),
  )
  const { value: answers, times: answering } = await timed(() => model.answer([prompt]))
  await model.close()
  const { error, raw = '' } = answers[0]!
  if (error !== undefined) throw new Error(error)
  return { text: raw, opening, answering, gib: process.resourceUsage().maxRSS / 2 ** 20 }
}

async function measure(folder: string, dtype: string): Promise<void> {
  const python = process.env['LEVER_PYTHON'] ?? 'python3'
  const own = join(folder, dtype)
  await run(python, [SCRIPT, 'make', own, dtype])
  await rm(join(own, 'cache'), { recursive: true, force: true })
  // A hash is kept of files alone that have not changed for ten seconds.
  await setTimeout(11_000)
  const { ids } = await longestCase()
  const env = { ...process.env, OMP_NUM_THREADS: '1' }
  const again = async (): Promise<string> => {
    const { stdout } = await run(process.execPath, [
      ...process.execArgv,
      process.argv[1]!,
      '--ours',
      own,
      dtype,
    ])
    return stdout.trim()
  }
  console.log(dtype, ids.length, 'tokens')
  const theirs = await run(python, [SCRIPT, 'ask', own, dtype, JSON.stringify(ids)], { env })
  console.log('python     ', await withText(theirs.stdout, own))
  console.log('ours, first', await again())
  console.log('ours, again', await again())
}

/** Tokens as the text that they are. */
async function withText(line: string, folder: string): Promise<string> {
  const { tokens, ...figures } = JSON.parse(line) as Omit<Figures, 'text'> & { tokens: number[] }
  const { decode } = await loadTextCodec(folder, true)
  return JSON.stringify({ text: decode(tokens), ...figures })
}

const [first = '', ...rest] = process.argv.slice(2)
if (first === '--ours') console.log(JSON.stringify(await ours(rest[0]!, rest[1]!)))
else if (first === '') throw new Error('usage: npx tsx bench/peers/large.ts FOLDER [fp32|fp16...]')
else for (const dtype of rest.length > 0 ? rest : ['fp32', 'fp16']) await measure(resolve(first), dtype)
