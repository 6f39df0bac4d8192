import type { TrainFilesEvent } from '../files/plan.ts'
import { runCell } from './cell.ts'
import type { CellWork, FromChild, ToChild } from './pool.ts'

/** Entry of a process that trains cells, one at a time. The parent says when to stop; it stops by itself when the parent is gone. */
const abort = new AbortController()
const stop = (): void => abort.abort(new DOMException('interrupted', 'AbortError'))
const say = (message: FromChild): void => void process.send?.(message)

/** Shortest time between two lines of progress. */
const SAY_EVERY_MS = 500

async function work({ id, plan, key, versions }: CellWork): Promise<void> {
  const warnings: string[] = []
  let saidAt = 0
  const onEvent = (event: TrainFilesEvent): void => {
    if (event.type === 'warning') warnings.push(event.message)
    if (event.type === 'audit') for (const warning of event.audit.warnings) warnings.push(warning)
    if (event.type !== 'step' || performance.now() - saidAt < SAY_EVERY_MS) return
    saidAt = performance.now()
    const { phase, step, steps, metrics } = event
    say({ id, said: `${step}/${steps} steps, ${phase} loss ${(metrics['loss'] ?? NaN).toFixed(3)}` })
  }
  try {
    const record = await runCell({ plan, key }, { onEvent, versions, signal: abort.signal })
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
