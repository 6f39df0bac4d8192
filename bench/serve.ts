import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { loadavg } from 'node:os'
import { startServing, type Started } from './support/lever-serve.ts'
import { cpuMs, load, staggered } from './support/serve-load.ts'
import { makeBundle, openSplit } from '../packages/server/test/support/world.ts'

/*
 * lever serve under load, with images that it has never seen: every request brings another image, one of the world's
 * test images with a comment of its own in the file, so that its bytes are new and everything about it is computed. LEVER_BENCH_SECONDS and LEVER_BENCH_REQUESTS set how long (60 and 100,000).
 * LEVER_BENCH_BUNDLE is the bundle; one of the whole train split with a policy of random parameters where it is not set.
 * Three loads of 20 clients: at RATE requests a second spread evenly (`apart`), at the same rate with all 20 requests
 * at one moment (`bursts`, what autocannon makes of a rate), and as fast as they go (`full`, where the median is 20
 * divided by the throughput, whatever the server does).
 */
const CLIENTS = 20
/** Requests a second of all clients together, where they are paced. */
const RATE = 200
const SECONDS = Number(process.env['LEVER_BENCH_SECONDS'] ?? 60)
const REQUESTS = Number(process.env['LEVER_BENCH_REQUESTS'] ?? 100_000)

export async function run(): Promise<unknown> {
  const bundle = process.env['LEVER_BENCH_BUNDLE'] ?? (await makeBundle(Infinity))
  const bodyOf = await unseenBodies()
  const bare = await bareRoute()
  const all = { connections: CLIENTS, duration: SECONDS }
  const peer = await load(bare.url, bodyOf, { ...all, duration: Math.min(10, SECONDS) })
  bare.close()
  const server = await startServing(['--bundle', bundle, '--log-level', 'warn'])
  try {
    const url = `${server.url}/v1/select`
    await load(url, bodyOf, { ...all, duration: 3 })
    const before = cpuMs(server.child)
    const apart = await staggered(url, bodyOf, { ...all, rate: RATE })
    const cpu = { msPerRequest: (cpuMs(server.child) - before) / apart.requests }
    const bursts = await load(url, bodyOf, { ...all, overallRate: RATE })
    const full = await load(url, bodyOf, all)
    const one = await load(url, bodyOf, { duration: Math.min(10, SECONDS), connections: 1 })
    const memory = await steady(server, url, bodyOf)
    const [load1] = loadavg()
    return {
      clients: CLIENTS,
      seconds: SECONDS,
      rate: RATE,
      loadAverage: load1,
      peer,
      apart,
      cpu,
      bursts,
      full,
      one,
      memory,
    }
  } finally {
    server.child.kill('SIGTERM')
  }
}

/** Resident memory after every tenth of many requests, MiB. */
async function steady(
  { child, url: base }: Started,
  url: string,
  bodyOf: () => string,
): Promise<{ requests: number; mib: number[]; errors: number }> {
  const mib = [rss(child)]
  let [requests, errors] = [0, 0]
  for (let part = 0; part < 10; part++) {
    const done = await load(url, bodyOf, {
      connections: CLIENTS,
      amount: Math.max(CLIENTS, Math.ceil(REQUESTS / 10)),
    })
    requests += done.requests
    errors += done.errors
    await fetch(`${base}/healthz`)
    mib.push(rss(child))
  }
  return { requests, mib, errors }
}

function rss({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid!}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024)
}

/** Bodies of requests: a test image of the world with a comment that no request had before. */
async function unseenBodies(): Promise<() => string> {
  const { examples } = await openSplit('test', 200)
  const images = await Promise.all(
    examples.map(async ({ image, question }) => ({ question, file: await readFile(image!) })),
  )
  let count = 0
  return () => {
    const { question, file } = images[count % images.length]!
    count += 1
    const image = withText(file, `unseen ${count}`)
    return JSON.stringify({ image: `data:image/png;base64,${image.toString('base64')}`, question })
  }
}

/** A PNG with a comment of its own: other bytes, and so an image that no cache knows. */
function withText(png: Buffer, text: string): Buffer {
  const data = Buffer.from(`Comment\0${text}`, 'latin1')
  const chunk = Buffer.alloc(12 + data.length)
  chunk.writeUInt32BE(data.length, 0)
  chunk.write('tEXt', 4, 'latin1')
  data.copy(chunk, 8)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length)
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)])
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xed_b8_83_20 & -(crc & 1))
  }
  return ~crc >>> 0
}

/** A route that reads the same body and decides nothing: what HTTP and JSON alone cost. */
async function bareRoute(): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { question } = JSON.parse(Buffer.concat(parts).toString()) as { question: string }
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ question }))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() }
}
