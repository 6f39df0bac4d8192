import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/lever.js', import.meta.url))

export interface Ran {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  /** Sent once, when `when` is true. */
  readonly kill?: { readonly signal: NodeJS.Signals; readonly when: () => boolean }
}

/** Runs the real command in a process of its own. */
export function lever(args: readonly string[], { cwd, kill }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], { cwd: cwd ?? process.cwd() })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()))
    const timer = setInterval(() => {
      if (kill === undefined || !kill.when()) return
      clearInterval(timer)
      child.kill(kill.signal)
    }, 10)
    child.on('error', reject)
    child.on('close', (code) => {
      clearInterval(timer)
      resolve({ code, stdout, stderr })
    })
  })
}

/** A new empty folder. */
export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'lever-cli-'))
}
