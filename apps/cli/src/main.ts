import { hideBin } from 'yargs/helpers'
import type { Invocation } from './cli.ts'
import { runCommand } from './cli.ts'
import type { Context } from './command.ts'
import { createProgress } from './progress.ts'

const abort = new AbortController()
let invocation: Invocation = {
  command: '',
  json: false,
  quiet: false,
  debug: process.argv.includes('--debug'),
}
let context: Context | undefined

function open(given: Invocation): Context {
  invocation = given
  const live = process.stderr.isTTY && process.env['TERM'] !== 'dumb'
  context = {
    signal: abort.signal,
    ...(given.json && !given.quiet && { emit }),
    progress: createProgress({
      write: (text) => process.stderr.write(text),
      mode: given.quiet ? 'quiet' : live ? 'live' : 'plain',
      columns: () => process.stderr.columns || 80,
    }),
  }
  return context
}

function emit(event: Readonly<Record<string, unknown>>): void {
  context?.progress.clear()
  process.stderr.write(`${JSON.stringify(event)}\n`)
}

/** The second time the signal's own way to end a process: `exit` would run into a model at work in another thread. */
function interrupt(signal: NodeJS.Signals): void {
  if (abort.signal.aborted) {
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
    return
  }
  context?.progress.info('stopping after saving; press Ctrl-C once more to quit at once')
  abort.abort(new DOMException('interrupted', 'AbortError'))
}

async function main(): Promise<number> {
  try {
    const result = await runCommand(hideBin(process.argv), open)
    if (result === undefined) return 0
    context?.progress.clear()
    process.stdout.write((invocation.json ? JSON.stringify(result.json) : result.text.trimEnd()) + '\n')
    return result.exitCode ?? 0
  } catch (error) {
    context?.progress.clear()
    return report(error)
  }
}

/** The one place where an error becomes a sentence and an exit code. */
function report(error: unknown): number {
  const { message, stack, code } = (
    error instanceof Error ? error : new Error(String(error))
  ) as NodeJS.ErrnoException
  const wrongInput = code === 'LEVER_INPUT'
  const interrupted = abort.signal.aborted && !wrongInput
  const said = interrupted
    ? `interrupted; what was done is saved, and the same command continues it`
    : message
  process.stderr.write(`lever: ${said}\n`)
  if (invocation.debug) process.stderr.write(`${stack ?? ''}\n`)
  if (interrupted) return 130
  return wrongInput ? 2 : 1
}

process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
process.exitCode = await main()
setTimeout(() => process.exit(), 3_000).unref()
