import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lever/reward-utils'
import { buildGroups, encodeRlData, parseRlData, type RlData } from '@lever/rl-dataset'
import { openRlFile, readRlData } from '@lever/rl-dataset/node'
import { fuzz, small, type FuzzResult } from '../packages/rl-dataset/test/fuzz-run.ts'

export interface DatasetFigures {
  fileMegabytes: number
  /** Medians of the rounds, wall time. */
  parseSeconds: number
  readAndParseSeconds: number
  loadValidateGroupSeconds: number
  /** Of load, validate and group to JSON.parse alone, and to reading the file and JSON.parse; medians of the rounds. */
  ratioToParse: number
  ratioToReadAndParse: number
  journalMegabytes: number
  /** Reading all queries of the journal one at a time, in a fresh process. */
  streamSeconds: number
  streamRssOverBaselineMegabytes: number
  /** One query of a million candidates: load and validate. */
  millionSeconds: number
  fuzz: Omit<FuzzResult, 'crashes'> & { files: number; seconds: number }
}

const QUERIES = 9000
const CANDIDATES = 32
const POOL = 64
const ROUNDS = 7
const METHODS = ['beam', 'sample', 'retrieval', 'random']

/** 9,000 queries of 32 candidates, about 40 MB; 100,000 damaged files. Throws when one of them crashes the reader. */
export async function run({ mutations = 100_000 }: { mutations?: number } = {}): Promise<DatasetFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  try {
    const data = generate()
    const [json, jsonl] = [join(folder, 'rl.json'), join(folder, 'rl.jsonl')]
    await writeFile(json, encodeRlData(data).bytes)
    await writeFile(jsonl, encodeRlData(data, { format: 'jsonl' }).bytes)
    return {
      fileMegabytes: (await stat(json)).size / 1e6,
      ...(await ratios(json)),
      journalMegabytes: (await stat(jsonl)).size / 1e6,
      ...(await streamInFreshProcess(jsonl)),
      millionSeconds: million(),
      fuzz: damaged(mutations),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

function generate(): RlData {
  const random = createRandom(1, 'bench')
  const ids = Array.from({ length: 20_000 }, (_, i) => i + 10_000)
  const positions = Array.from({ length: POOL }, (_, i) => i)
  const queries = Array.from({ length: QUERIES }, (_, query_id) => {
    const pool = random.sample(ids, POOL)
    const pointer_candidates = Array.from({ length: CANDIDATES }, (_, i) => {
      const pointer = random.sample(positions, 2)
      const vqa_acc_score = [0, 0.3, 0.6, 0.9, 1][random.int(5)]!
      return {
        pointer,
        pointer_global: pointer.map((position) => pool[position]!),
        gen_method: METHODS[i % 4]!,
        vqa_correct: vqa_acc_score > 0 ? 1 : 0,
        vqa_acc_score,
        vqa_eval_mode: 'file' as const,
      }
    })
    const query = { query_id, image_id: query_id % 3000, question: 'What colour is the ball in the picture?' }
    return { query_id, query, candidate_pool_ids: pool, pointer_candidates }
  })
  return { meta: { pool_size: POOL }, queries }
}

async function ratios(
  path: string,
): Promise<
  Pick<
    DatasetFigures,
    | 'parseSeconds'
    | 'readAndParseSeconds'
    | 'loadValidateGroupSeconds'
    | 'ratioToParse'
    | 'ratioToReadAndParse'
  >
> {
  const ids = Array.from({ length: 30_000 }, (_, i) => i)
  const rounds: { parse: number; both: number; ours: number }[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now()
    const text = readFileSync(path, 'utf8')
    const read = performance.now()
    JSON.parse(text)
    const parsed = performance.now()
    const { groups } = buildGroups(await readRlData(path), { ids })
    const end = performance.now()
    if (groups.length !== QUERIES) throw new Error('bench: groups were lost')
    rounds.push({ parse: (parsed - read) / 1000, both: (parsed - start) / 1000, ours: (end - parsed) / 1000 })
  }
  return {
    parseSeconds: median(rounds.map(({ parse }) => parse)),
    readAndParseSeconds: median(rounds.map(({ both }) => both)),
    loadValidateGroupSeconds: median(rounds.map(({ ours }) => ours)),
    ratioToParse: median(rounds.map(({ parse, ours }) => ours / parse)),
    ratioToReadAndParse: median(rounds.map(({ both, ours }) => ours / both)),
  }
}

async function streamInFreshProcess(
  path: string,
): Promise<Pick<DatasetFigures, 'streamSeconds' | 'streamRssOverBaselineMegabytes'>> {
  const child = fork(fileURLToPath(import.meta.url), [path])
  const [figures] = (await once(child, 'message')) as [{ seconds: number; megabytes: number }]
  return { streamSeconds: figures.seconds, streamRssOverBaselineMegabytes: figures.megabytes }
}

function stream(path: string): { seconds: number; megabytes: number } {
  const baseline = process.memoryUsage.rss()
  const start = performance.now()
  const file = openRlFile(path)
  let candidates = 0
  for (const { pointer_candidates } of file.queries()) candidates += pointer_candidates.length
  file.close()
  if (candidates !== QUERIES * CANDIDATES) throw new Error('bench: candidates were lost')
  const peak = process.resourceUsage().maxRSS * 1024
  return { seconds: (performance.now() - start) / 1000, megabytes: (peak - baseline) / 1e6 }
}

function million(): number {
  const candidates = new Array<string>(1_000_000).fill('{"pointer":[4,5]}').join(',')
  const bytes = new TextEncoder().encode(`{"1":{"query":{},"pointer_candidates":[${candidates}]}}`)
  const start = performance.now()
  parseRlData(bytes)
  return (performance.now() - start) / 1000
}

function damaged(mutations: number): DatasetFigures['fuzz'] {
  const folder = new URL('../fixtures/golden/rl-dataset/', import.meta.url)
  const files = ['global', 'pos', 'local'].map((style) =>
    small(readFileSync(new URL(`rl_${style}.json`, folder))),
  )
  const journal = encodeRlData(parseRlData(files[2]!), { format: 'jsonl' }).bytes
  const beams = new TextEncoder().encode(
    '{"7":{"id_list":[[4,5,7]],"score_list":[0.5],"beams":[{"shots":[{"id":4,"score":1}]}]}}',
  )
  const start = performance.now()
  const { crashes, ...counts } = fuzz([...files, journal, beams], mutations, 1_000_000)
  const [first] = crashes
  if (first) throw new Error(`bench: seed ${first.seed} crashes the reader`, { cause: first.error })
  return { ...counts, files: mutations, seconds: (performance.now() - start) / 1000 }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

if (process.send && process.argv[2] !== undefined) process.send(stream(process.argv[2]))
