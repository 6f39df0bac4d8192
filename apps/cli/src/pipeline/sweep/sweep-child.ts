import { createProgress } from '../../progress.ts'
import { runCell } from './sweep-cell.ts'
import type { FromChild, ToChild } from './sweep-pool.ts'

/** Entry of a process that trains cells, one at a time. The parent says when to stop; it stops by itself when the parent is gone. */
const abort = new AbortController()
const stop = (): void => abort.abort(new DOMException('interrupted', 'AbortError'))
const say = (message: FromChild): void => void process.send?.(message)

async function work({ id, ...cell }: Exclude<ToChild, 'stop'>): Promise<void> {
  const warnings: string[] = []
  const write = (text: string): void => {
    const line = text.trim()
    if (line.startsWith('warning: ')) warnings.push(line.slice('warning: '.length))
    else say({ id, said: line })
  }
  const progress = createProgress({ write, mode: 'plain' })
  try {
    const record = await runCell(cell, { progress, signal: abort.signal })
    say({ id, record, warnings })
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error))
    say({ id, problem: message, interrupted: abort.signal.aborted })
  }
}

process.on('SIGINT', () => undefined)
process.on('SIGTERM', stop)
process.on('disconnect', stop)
process.on('message', (message: ToChild) => {
  if (message === 'stop') stop()
  else void work(message)
})
