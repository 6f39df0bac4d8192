import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { createRandom, type Random } from '@lever/reward-utils'
import { answerRows } from '../../packages/vqa-model/src/onnx/answer-rows.ts'
import { runBatch, type Engine } from '../../packages/vqa-model/src/onnx/batch.ts'
import { createDecoder } from '../../packages/vqa-model/src/onnx/decoder.ts'
import { parseDtypes, sessionFile } from '../../packages/vqa-model/src/onnx/dtypes.ts'
import { readModelFolder, type ModelFolder } from '../../packages/vqa-model/src/onnx/folder.ts'
import { floatTensor, floatType, toFloats } from '../../packages/vqa-model/src/onnx/half.ts'
import { emptyBlock, gatherRows, type KvBlock } from '../../packages/vqa-model/src/onnx/kv.ts'
import { loadOrt, type Ort, type Session, type Tensor } from '../../packages/vqa-model/src/onnx/ort.ts'
import { probeDecoder } from '../../packages/vqa-model/src/onnx/probe-decoder.ts'
import { tokenSegment, type TokenSegment } from '../../packages/vqa-model/src/onnx/segments.ts'
import { openSession, openSessions } from '../../packages/vqa-model/src/onnx/sessions.ts'
import { loadTextCodec } from '../../packages/vqa-model/src/onnx/tokenizer.ts'
import { emptyStats } from '../../packages/vqa-model/src/stats.ts'
import { writeTinyModel } from '../../packages/vqa-model/test/support/tiny-model.ts'

/**
 * Greedy decoding one run of the decoder a token, as Lever does it, against the whole decoding as one run of a graph with
 * a Loop (loop.py): the same tokens, and the time of each. On a GPU the keys and values of the first cross the bus at
 * every run, those of the second stay there.
 *
 *     LEVER_PYTHON=python npx tsx bench/peers/loop.ts OUT [--device cuda] [MODEL [DTYPE]]
 *
 * Without MODEL, a folder in the Hub's layout, models with random weights are made in OUT. Where the graph is not there,
 * Python makes it in the model's folder; where that cannot be, a line says so.
 */
const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('loop.py', import.meta.url))
const NEW_TOKENS = 8
const REPEATS = 5

interface Workload {
  name: string
  /** tokens that all rows share and that were read before; 0 for none */
  prefix: number
  /** tokens of each row */
  rows: readonly number[]
}

const WORKLOADS: readonly Workload[] = [
  { name: 'one prompt of 300', prefix: 0, rows: [300] },
  { name: 'one query of 40 on 300', prefix: 300, rows: [40] },
  { name: '8 queries of 20 to 48 on 300', prefix: 300, rows: [20, 24, 28, 32, 36, 40, 44, 48] },
]

interface Opened {
  ort: typeof Ort
  folder: ModelFolder
  engine: Engine
  loop: Session
}

async function open(model: string, dtype: string, device: string): Promise<Opened> {
  const ort = await loadOrt()
  const folder = await readModelFolder(model, parseDtypes(dtype))
  const options = { device, threads: device === 'cpu' ? 1 : 0 }
  const sessions = await openSessions(ort, folder, options)
  const decoder = createDecoder(ort, sessions.decoder, folder)
  const loop = await openSession(ort, join(model, 'onnx', sessionFile('decode_loop', dtype)), options)
  const engine = { ort, embed: sessions.embed, decoder, stats: emptyStats(), scratch: new Map() }
  return { ort, folder, engine, loop }
}

/** Random tokens of a text. */
function randomSegment(random: Random, length: number, tokens: number): TokenSegment {
  return tokenSegment([Int32Array.from({ length }, () => random.int(tokens))], -1)
}

async function stepByStep(
  { engine, folder }: Opened,
  block: KvBlock,
  segments: readonly TokenSegment[],
): Promise<number[][]> {
  const rows = segments.map((segment) => ({ parent: 0, segment, answers: [] }))
  const settings = { maxNewTokens: NEW_TOKENS, beams: 1, eosTokenIds: folder.eosTokenIds, endToken: 0 }
  const more = { batched: segments.length > 1, maxRows: 32, blockBytes: 2 ** 30, scoresOnly: false }
  const answers = await answerRows(engine, block, rows, { ...settings, ...more })
  return answers.map(({ tokens }) => tokens)
}

async function asOneGraph(
  { ort, folder, engine, loop }: Opened,
  block: KvBlock,
  segments: readonly TokenSegment[],
): Promise<number[][]> {
  const count = segments.length
  const lengths = segments.map(({ ids }) => ids.length)
  const length = Math.max(...lengths)
  const past = gatherRows(
    ort,
    block,
    segments.map(() => 0),
    engine.scratch,
  )
  const long = (values: readonly number[], dims: readonly number[]): Tensor =>
    new ort.Tensor('int64', BigInt64Array.from(values, BigInt), dims)
  const perRow = (value: (row: number, column: number) => number, columns: number): number[] =>
    segments.flatMap((_, row) => Array.from({ length: columns }, (__, column) => value(row, column)))
  const ids = long(
    perRow((row, column) => segments[row]!.ids[column] ?? 0, length),
    [count, length],
  )
  const feeds: Record<string, Tensor> = {
    prompt_attention_mask: long(
      perRow((row, slot) => Number(slot < past.slots + lengths[row]!), past.slots + length),
      [count, past.slots + length],
    ),
    last: long(
      lengths.map((own) => own - 1),
      [count],
    ),
    after: long(
      lengths.map((own, row) => past.next[row]! + own),
      [count],
    ),
    ends: long([...folder.eosTokenIds], [folder.eosTokenIds.size]),
    steps: long([NEW_TOKENS], []),
  }
  if (engine.embed === undefined) feeds['prompt_input_ids'] = ids
  else {
    const embeds = toFloats((await engine.embed.run({ input_ids: ids }))['inputs_embeds']!)
    const type = floatType(loop, 'prompt_inputs_embeds')
    feeds['prompt_inputs_embeds'] = floatTensor(ort, type, embeds, [count, length, folder.width])
  }
  if (loop.inputNames.includes('prompt_position_ids')) {
    const one = perRow((row, column) => past.next[row]! + column, length)
    const axes = folder.family.positions === 'mrope'
    feeds['prompt_position_ids'] = axes
      ? long([...one, ...one, ...one], [3, count, length])
      : long(one, [count, length])
  }
  past.past.forEach((tensor, i) => (feeds[`prefix.${i >> 1}.${i % 2 === 0 ? 'key' : 'value'}`] = tensor))
  const { tokens } = await loop.run(feeds)
  const found = tokens!.data as BigInt64Array
  return segments.map((_, row) => {
    const own = Array.from({ length: found.length / count }, (__, turn) => Number(found[turn * count + row]))
    const end = own.findIndex((token) => folder.eosTokenIds.has(token))
    return end < 0 ? own : own.slice(0, end)
  })
}

/** Processor seconds on the CPU, seconds by the clock elsewhere. */
async function timed<T>(device: string, work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const [start, used] = [performance.now(), process.cpuUsage()]
  const value = await work()
  const { user, system } = process.cpuUsage(used)
  return { value, seconds: device === 'cpu' ? (user + system) / 1e6 : (performance.now() - start) / 1000 }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** Both ways in turn on other prompts every time; a line for each workload. */
async function compare(name: string, model: string, dtype: string, device: string): Promise<void> {
  const opened = await open(model, dtype, device)
  const { ort, engine } = opened
  const { vocabularySize: tokens } = await loadTextCodec(opened.folder.path)
  const { batchOnPast } = await probeDecoder(engine, tokens)
  for (const { name: workload, prefix, rows } of WORKLOADS) {
    if (!batchOnPast && rows.length > 1) continue
    const random = createRandom(1, workload)
    const [steps, loops] = [[] as number[], [] as number[]]
    let [equal, count, written] = [0, 0, 0]
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const root = emptyBlock(ort, engine.decoder.layout)
      const shared = { parent: 0, segment: randomSegment(random, prefix, tokens) }
      const block =
        prefix === 0 ? root : (await runBatch(engine, root, [shared], { keep: 0, cache: true })).block!
      const segments = rows.map((length) => randomSegment(random, length, tokens))
      const first = await timed(device, () => stepByStep(opened, block, segments))
      const second = await timed(device, () => asOneGraph(opened, block, segments))
      steps.push(first.seconds)
      loops.push(second.seconds)
      count += rows.length
      written += first.value.flat().length
      equal += first.value.filter((own, row) => own.join() === second.value[row]!.join()).length
    }
    const [a, b] = [median(steps), median(loops)]
    const ms = (seconds: number): string => (seconds * 1000).toFixed(1)
    console.log(
      `| ${name} | ${workload} | ${equal} of ${count} | ${(written / count).toFixed(1)} | ${ms(a)} | ${ms(b)} | ${(a / b).toFixed(2)} |`,
    )
  }
}

/** Whether the graph is there, or could be made. */
async function hasLoop(model: string, dtype: string): Promise<boolean> {
  const file = join(model, 'onnx', sessionFile('decode_loop', dtype))
  if (existsSync(file)) return true
  const suffix = sessionFile('', dtype).replace('.onnx', '')
  const python = process.env['LEVER_PYTHON'] ?? 'python3'
  const failed = await run(python, [SCRIPT, model, suffix]).then(
    () => undefined,
    (error: unknown) => (error as Error).message.trim().split('\n').at(-1)!,
  )
  if (failed !== undefined) console.log(`${file} is not there, so nothing was compared; ${SCRIPT}: ${failed}`)
  return failed === undefined
}

/** Models with random weights, of 1 and about 80 MB, with plain attention and with GroupQueryAttention. */
async function makeModels(out: string): Promise<[name: string, model: string][]> {
  const sizes = {
    small: { width: 128, layers: 2, ff: 256, heads: 4, kvHeads: 2 },
    middle: { width: 512, layers: 7, ff: 1536, heads: 8, kvHeads: 8 },
  }
  const models: [string, string][] = []
  for (const [size, own] of Object.entries(sizes)) {
    for (const attention of ['matmul', 'gqa'] as const) {
      const name = `${size}, ${attention}`
      const folder = join(out, `${size}-${attention}`)
      await mkdir(folder, { recursive: true })
      models.push([name, await writeTinyModel(folder, { ...own, attention, logitsToKeep: 'head' })])
    }
  }
  return models
}

const { values, positionals } = parseArgs({
  options: { device: { type: 'string', default: 'cpu' } },
  allowPositionals: true,
})
const [out, model, dtype = 'fp32'] = positionals
if (out === undefined) {
  throw new Error('usage: npx tsx bench/peers/loop.ts OUT [--device cuda] [MODEL [DTYPE]]')
}
const models: [string, string][] =
  model === undefined ? await makeModels(resolve(out)) : [[basename(model), resolve(model)]]
const unit = values.device === 'cpu' ? 'ms of processor time' : 'ms'
console.log(`| model | work | equal | tokens | steps, ${unit} | Loop, ${unit} | steps / Loop |`)
for (const [name, folder] of models) {
  if (await hasLoop(folder, dtype)) await compare(name, folder, dtype, values.device)
}
