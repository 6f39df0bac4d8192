import { parentPort, workerData } from 'node:worker_threads'
import { isInputError } from '@lever/durable-files'
import { hideBin } from 'yargs/helpers'
import type { Invocation } from './cli.ts'
import { runCommand } from './cli.ts'
import type { Context } from './command.ts'
import { createProgress, printable, printableJson } from '@lever/terminal'
import type { FromTerminal, Terminal } from './terminal.ts'

/** Entry of the thread that runs a command. The main thread owns the terminal and the signals. */
const abort = new AbortController()
const terminal: Terminal = { ...(workerData as Terminal) }
let invocation: Invocation = {
  ...{ command: '', json: false, quiet: false },
  debug: process.argv.includes('--debug'),
}
let context: Context | undefined

function open(given: Invocation): Context {
  invocation = given
  context = {
    signal: abort.signal,
    ...(given.json && !given.quiet && { emit }),
    progress: createProgress({
      write: (text) => process.stderr.write(text),
      mode: given.quiet ? 'quiet' : terminal.live ? 'live' : 'plain',
      columns: () => terminal.columns,
    }),
  }
  return context
}

function emit(event: Readonly<Record<string, unknown>>): void {
  context?.progress.clear()
  process.stderr.write(`${printableJson(event)}\n`)
}

parentPort?.on('message', (message: FromTerminal) => {
  if (typeof message === 'object') {
    terminal.columns = message.columns
    return
  }
  const stopping = invocation.promise === undefined ? 'stopping' : 'stopping after saving'
  context?.progress.info(`${stopping}; press Ctrl-C once more to quit at once`)
  abort.abort(new DOMException('interrupted', 'AbortError'))
})
parentPort?.unref()

async function main(): Promise<number> {
  try {
    const result = await runCommand(hideBin(process.argv), open, terminal.width)
    if (result === undefined) return 0
    context?.progress.clear()
    const text = invocation.json ? printableJson(result.json) : printable(result.text.trimEnd())
    process.stdout.write(`${text}\n`)
    return result.exitCode ?? 0
  } catch (error) {
    context?.progress.clear()
    return report(error)
  }
}

/** The one place where an error becomes a sentence and an exit code. */
function report(error: unknown): number {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  const wrongInput = isInputError(error)
  const interrupted = abort.signal.aborted && !wrongInput
  const { promise } = invocation
  const said = interrupted ? `interrupted${promise === undefined ? '' : `; ${promise}`}` : message
  process.stderr.write(`lever: ${indented(said)}\n`)
  if (invocation.debug) process.stderr.write(`${indented(stack)}\n`)
  if (interrupted) return 130
  return wrongInput ? 2 : 1
}

/** Escaped text whose further lines begin with a space, so that none that data brings along can pass for one of ours. */
function indented(text: string): string {
  return printable(text).replaceAll(/\n(?! )/g, '\n  ')
}

process.exitCode = await main()
setTimeout(() => process.exit(), 3_000).unref()
