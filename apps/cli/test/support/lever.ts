import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/lever.js', import.meta.url))

export interface Ran {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  /** Environment variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Signals, each sent once, when `when` is true; the next one is waited for only then. */
  readonly kill?: readonly { readonly signal: NodeJS.Signals; readonly when: (stderr: string) => boolean }[]
}

/** Runs the real command in a process of its own. */
export function lever(args: readonly string[], { cwd, env, kill = [] }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: cwd ?? process.cwd(),
      env: { ...process.env, ...env },
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()))
    let sent = 0
    const timer = setInterval(() => {
      const next = kill[sent]
      if (next?.when(stderr) !== true) return
      sent += 1
      child.kill(next.signal)
    }, 10)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearInterval(timer)
      resolve({ code, signal, stdout, stderr })
    })
  })
}

/** A new empty folder. */
export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'lever-cli-'))
}
