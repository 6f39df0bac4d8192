import { Worker } from 'node:worker_threads'
import type { FromTerminal, Terminal } from './terminal.ts'

/**
 * The command runs in a thread of its own, so that this one is always free to see a signal: the first asks the command to
 * stop, and the second, or the end of the grace, ends the process by the signal itself (`exit` could crash a model running
 * in a thread).
 */
const GRACE_MS = 9_000

const { stderr, stdout } = process
const terminal: Terminal = {
  live: stderr.isTTY && process.env['TERM'] !== 'dumb',
  columns: stderr.columns || 80,
  width: Math.min(110, stdout.columns || 100),
}
const thread = new Worker(new URL('./command-thread.js', import.meta.url), {
  argv: process.argv.slice(2),
  workerData: terminal,
})
const tell = (message: FromTerminal): void => thread.postMessage(message)
let isStopping = false

function end(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

function interrupt(signal: NodeJS.Signals): void {
  if (isStopping) {
    end(signal)
    return
  }
  isStopping = true
  tell('stop')
  setTimeout(() => {
    stderr.write(`\nlever: still at work ${GRACE_MS / 1_000} s after the signal; ending now\n`)
    end(signal)
  }, GRACE_MS).unref()
}

process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
process.on('SIGWINCH', () => tell({ columns: stderr.columns || 80 }))
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
thread.on('error', (error) => {
  throw error
})
thread.on('exit', (code) => {
  process.exitCode = code
})
