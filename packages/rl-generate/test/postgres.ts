import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './redis.ts'

const asRoot = process.getuid?.() === 0
/** The server refuses to run as root. */
const USER = 65_534

export const hasPostgres: boolean =
  spawnSync('initdb', ['--version']).status === 0 && spawnSync('postgres', ['--version']).status === 0

export interface PostgresServer {
  readonly url: string
  stop(): Promise<void>
}

/** A PostgreSQL on a free port, in a folder of its own. */
export async function startPostgres(): Promise<PostgresServer> {
  const dir = mkdtempSync(join(tmpdir(), 'postgres-'))
  if (asRoot) chownSync(dir, USER, USER)
  const data = join(dir, 'data')
  const ids = asRoot ? { uid: USER, gid: USER } : {}
  const made = spawnSync('initdb', ['-D', data, '-U', 'lever', '--auth=trust', '--no-sync'], {
    cwd: dir,
    ...ids,
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr.toString()}`)
  const port = await freePort()
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir, '-c', 'fsync=off']
  const server: ChildProcess = spawn('postgres', args, {
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...ids,
  })
  await new Promise<void>((done, failed) => {
    server.once('exit', (code) => failed(new Error(`postgres ended with ${code}`)))
    server.stderr!.on('data', (text: Buffer) => {
      if (text.toString().includes('ready to accept connections')) done()
    })
  })
  server.removeAllListeners('exit')
  return {
    url: `postgres://lever@127.0.0.1:${port}/postgres`,
    async stop() {
      const ended = new Promise((done) => server.once('exit', done))
      server.kill('SIGINT')
      await ended
    },
  }
}
