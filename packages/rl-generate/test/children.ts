import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A process of a test, which says what it does line by line. */
export interface Child {
  readonly lines: readonly string[]
  /** Resolves at the `count`-th line that starts with `start`. */
  said(start: string, count?: number): Promise<string>
  signal(signal: NodeJS.Signals): void
  /** Exit code; null after a signal. */
  readonly ended: Promise<number | null>
}

export function startChild(script: string, ...args: readonly (string | number)[]): Child {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const look = (): void => waiting.forEach((one) => one())
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    look()
  })
  let gone = false
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  void ended.then(() => {
    gone = true
    look()
  })
  return {
    lines,
    ended,
    signal: (signal) => void child.kill(signal),
    said: (start, count = 1) =>
      new Promise((done, failed) => {
        const check = (): void => {
          const found = lines.filter((line) => line.startsWith(start))
          if (found.length < count && !gone) return
          waiting.delete(check)
          if (found.length >= count) done(found[count - 1]!)
          else
            failed(
              new Error(`the process ended before it said "${start}" ${count} times: ${lines.join(', ')}`),
            )
        }
        waiting.add(check)
        check()
      }),
  }
}
