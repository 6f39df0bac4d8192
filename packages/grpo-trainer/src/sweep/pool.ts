import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TrainingPlan } from '../files/plan.ts'
import type { CellRecord } from './cell.ts'

/** A cell to train. */
export interface CellWork {
  /** Its place in the list of cells. */
  readonly id: number
  readonly plan: TrainingPlan
  readonly key: string
  readonly versions: Readonly<Record<string, string>>
}

/** What a process is told. */
export type ToChild = CellWork | 'stop'

/** What a process says about the cell it works on. */
export type FromChild =
  | { readonly id: number; readonly said: string }
  | { readonly id: number; readonly record: CellRecord; readonly warnings: readonly string[] }
  | { readonly id: number; readonly problem: string; readonly interrupted: boolean }

export interface PoolOptions {
  readonly work: readonly CellWork[]
  /** Processes, a cell each. */
  readonly workers: number
  readonly signal: AbortSignal
  readonly onSaid: (id: number, text: string) => void
  readonly onDone: (id: number, record: CellRecord, warnings: readonly string[]) => void
  readonly onFailed: (id: number, problem: string) => void
}

/**
 * Trains cells in processes of their own, so that one that fails, or runs out of memory, fails alone. After an abort every
 * process saves the cell that it works on and ends; the promise resolves then too.
 */
export async function runPool({ work, workers, ...handlers }: PoolOptions): Promise<void> {
  const queue = [...work]
  const lanes = Math.min(workers, work.length)
  await Promise.all(Array.from({ length: lanes }, () => runLane(queue, handlers)))
}

async function runLane(
  queue: CellWork[],
  { signal, ...handlers }: Omit<PoolOptions, 'work' | 'workers'>,
): Promise<void> {
  let child: ChildProcess | undefined
  for (let cell = queue.shift(); cell !== undefined && !signal.aborted; cell = queue.shift()) {
    child = child?.connected === true ? child : startProcess()
    await runOne(child, cell, { signal, ...handlers })
  }
  if (child?.connected === true) child.disconnect()
}

function startProcess(): ChildProcess {
  const entry = fileURLToPath(new URL('../../dist/sweep/child.js', import.meta.url))
  const child = fork(entry, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return child.on('error', () => undefined)
}

function runOne(
  child: ChildProcess,
  cell: CellWork,
  { signal, onSaid, onDone, onFailed }: Omit<PoolOptions, 'work' | 'workers'>,
): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => void child.send('stop' satisfies ToChild)
    const end = (): void => {
      child.off('message', onMessage).off('exit', onExit)
      signal.removeEventListener('abort', stop)
      resolve()
    }
    const onMessage = (message: FromChild): void => {
      if ('said' in message) {
        onSaid(message.id, message.said)
        return
      }
      if ('record' in message) onDone(message.id, message.record, message.warnings)
      else if (!message.interrupted) onFailed(message.id, message.problem)
      end()
    }
    const onExit = (code: number | null, killed: string | null): void => {
      onFailed(cell.id, `its process ended with ${killed ?? `exit code ${code}`}; was there enough memory?`)
      end()
    }
    child.on('message', onMessage).on('exit', onExit)
    signal.addEventListener('abort', stop)
    child.send(cell satisfies ToChild)
    if (signal.aborted) stop()
  })
}
