import { spawn, spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { test } from '@jest/globals'
import { scratch } from './lever.ts'

export const hasRedis: boolean = spawnSync('redis-server', ['--version']).status === 0

/** `test`, or a skipped one with the reason where there is no redis-server. */
export const redisTest = hasRedis ? test : test.skip
if (!hasRedis) console.warn('skipped: no redis-server on this machine (apt-get install redis-server)')

/** A Redis on a free port, in a folder of its own. */
export async function startRedis(): Promise<{ url: string; stop: () => void }> {
  const port = await new Promise<number>((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    scratch(),
    '--appendonly',
    'yes',
    '--save',
    '',
  ]
  const server = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise<void>((done, failed) => {
    server.once('exit', (code) => failed(new Error(`redis-server ended with ${code}`)))
    server.stdout.on('data', (text: Buffer) => {
      if (text.toString().includes('Ready to accept connections')) done()
    })
  })
  return { url: `redis://127.0.0.1:${port}`, stop: () => void server.kill('SIGKILL') }
}
