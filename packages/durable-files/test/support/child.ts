import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('child.mjs', import.meta.url))

export interface Child {
  process: ChildProcess
  lines: string[]
  /** The next line of output; undefined at its end. */
  next(): Promise<string | undefined>
  kill(): Promise<void>
  ended: Promise<unknown>
}

/** Starts `child.mjs` with a job; with `shell`, after that shell command in the same process. */
export function startChild(
  job: string,
  path: string,
  number = 0,
  options: { shell?: string; uid?: number } = {},
): Child {
  const args = [script, job, path, String(number)]
  const uid = options.uid === undefined ? {} : { uid: options.uid }
  const child =
    options.shell === undefined
      ? spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], ...uid })
      : spawn('sh', ['-c', `${options.shell}; exec "$0" "$@"`, process.execPath, ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
          ...uid,
        })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(line))
  const ended = once(child, 'close')
  return {
    process: child,
    lines,
    ended,
    async next() {
      const seen = lines.length
      await Promise.race([once(reader, 'line'), once(reader, 'close')])
      return lines[seen]
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
