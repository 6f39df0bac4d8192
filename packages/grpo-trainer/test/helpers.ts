import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { createModel } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { train } from '../src/train.ts'
import type { TrainEvent, TrainOptions, TrainResult } from '../src/types.ts'

export const settings = { dim: 8, hidden: 8 }

export const smallModel = (): PointerModel => createModel({ settings, seed: 1 })

/** Runs a training to its end and keeps its events. */
export async function runAll(
  options: TrainOptions,
  onEvent: (event: TrainEvent) => void = () => undefined,
): Promise<{ events: TrainEvent[]; result: TrainResult }> {
  const events: TrainEvent[] = []
  const training = train(options)
  for (;;) {
    const next = await training.next()
    if (next.done) return { events, result: next.value }
    events.push(next.value)
    onEvent(next.value)
  }
}

/** Events of one type. */
export function only<T extends TrainEvent['type']>(
  events: readonly TrainEvent[],
  type: T,
): Extract<TrainEvent, { type: T }>[] {
  return events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type)
}

/** Every file below a folder with the hash of its bytes. */
export async function hashes(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const found: Record<string, string> = {}
  for (const name of names) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined)
    if (bytes !== undefined) found[name] = createHash('sha256').update(bytes).digest('hex')
  }
  return found
}
