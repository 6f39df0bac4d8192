import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '@jest/globals'

export const hasRedis: boolean = spawnSync('redis-server', ['--version']).status === 0

/** `test`, or a skipped one with the reason where there is no redis-server. */
export const redisTest = hasRedis ? test : test.skip
if (!hasRedis) console.warn('skipped: no redis-server on this machine (apt-get install redis-server)')

export interface RedisServer {
  readonly url: string
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on its port and its files. */
  start(): Promise<void>
}

/** A Redis with an append-only file, on a free port and in a folder of its own. */
export async function startRedis(): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  const port = await freePort()
  let server: ChildProcess
  const start = async (): Promise<void> => {
    const flags = { port, bind: '127.0.0.1', dir, appendonly: 'yes', appendfsync: 'always', save: '' }
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)])
    server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] })
    await new Promise<void>((done, failed) => {
      server.once('error', failed)
      server.once('exit', (code) => failed(new Error(`redis-server ended with ${code}`)))
      server.stdout!.on('data', (text: Buffer) => {
        if (text.toString().includes('Ready to accept connections')) done()
      })
    })
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    async kill() {
      server.removeAllListeners('exit')
      const ended = new Promise((done) => server.once('exit', done))
      server.kill('SIGKILL')
      await ended
      await sleep(20)
    },
  }
}

export function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })
}
