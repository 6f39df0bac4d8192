import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

const LEVER = join(import.meta.dirname, '../../apps/cli/bin/lever.js')

export interface Started {
  readonly url: string
  readonly child: ChildProcess
}

/** `lever serve` in a process of its own, listening on a free port. */
export async function startServing(args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [LEVER, 'serve', ...args, '--port', '0', '--json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = await new Promise<string>((done, failed) => {
    let text = ''
    child.stderr.on('data', (part: Buffer) => {
      text += part.toString()
      const found = /"event":"listening","url":"([^"]+)"/.exec(text)?.[1]
      if (found !== undefined) done(found)
    })
    child.on('exit', () => failed(new Error(text)))
  })
  return { url, child }
}
