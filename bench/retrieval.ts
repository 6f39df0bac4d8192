import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { buildIndex, nearest, openLibrary } from '@lever/retrieval'
import { surface, writeLibrary } from './support/surface.ts'

export interface RetrievalFigures {
  rows: number
  dim: number
  k: number
  buildSeconds: number
  buildThreads: number
  indexMegabytes: number
  /** Share of the exact 64 nearest that a search returns, mean over the queries. */
  recall: number
  /** One query, one core. */
  medianMilliseconds: number
  p99Milliseconds: number
  /** The exact search of the same queries in one batch (`nearest`), per query. */
  exactMilliseconds: number
  /** Growth of resident memory by opening the library and searching it; pages of the index included. */
  searchMegabytes: number
}

/** `LEVER_RETRIEVAL=rows,dim,queries` changes the size; the default is that of VQA v2 train with CLIP's embeddings. */
export async function run({
  size = process.env['LEVER_RETRIEVAL'] ?? '443757,768,500',
  k = 64,
  buildThreads = 2,
} = {}): Promise<RetrievalFigures> {
  const [rows, dim, asked] = size.split(',').map(Number) as [number, number, number]
  const folder = await mkdtemp(join(tmpdir(), 'lever-retrieval-'))
  try {
    const path = join(folder, 'library.safetensors')
    const draw = surface(dim)
    const queries = draw(asked, 'queries')
    const exact = await (async () => {
      const data = draw(rows, 'rows')
      await writeLibrary(path, data, dim)
      const started = performance.now()
      const found = await nearest({ queries, candidates: data, dim, k, threads: 1 })
      return { found, milliseconds: (performance.now() - started) / asked }
    })()
    globalThis.gc?.()
    const started = performance.now()
    await buildIndex({ embeddings: path, threads: buildThreads })
    const buildSeconds = (performance.now() - started) / 1000
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    const library = await openLibrary({ embeddings: path, index: `${path}.hnsw` })
    const times: number[] = []
    let hits = 0
    for (let i = 0; i < asked; i++) {
      const from = performance.now()
      const { ids } = library.search(queries.subarray(i * dim, (i + 1) * dim), k)
      times.push(performance.now() - from)
      const wanted = new Set(exact.found[i]!.rows)
      hits += ids.filter((id) => wanted.has(id)).length
    }
    const after = process.memoryUsage().rss
    library.close()
    times.sort((a, b) => a - b)
    return {
      ...{ rows, dim, k, buildSeconds, buildThreads },
      indexMegabytes: (await stat(`${path}.hnsw`)).size / 1e6,
      recall: hits / (asked * k),
      medianMilliseconds: times[Math.floor(asked / 2)]!,
      p99Milliseconds: times[Math.floor(asked * 0.99)]!,
      exactMilliseconds: exact.milliseconds,
      searchMegabytes: (after - before) / 1e6,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
