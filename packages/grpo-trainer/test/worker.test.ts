import { expect, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trainInWorker } from '../src/train-in-worker.ts'
import type { PhaseOptions } from '../src/phases.ts'
import type { TrainEvent, TrainResult } from '../src/types.ts'
import { hashes, only, runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const data = makeWorld({ queries: 24, validation: 8, pool: 6, pointers: 5 })
const phases: PhaseOptions[] = [
  { objective: 'listwise', epochs: 3, learningRate: 0.01, batchSize: 4, dropout: 0.2 },
]
const start = { model: smallModel(), data, phases, chunk: 2 }

async function collect(
  training: AsyncGenerator<TrainEvent, TrainResult>,
  onEvent: (event: TrainEvent) => void = () => undefined,
): Promise<{ events: TrainEvent[]; result: TrainResult }> {
  const events: TrainEvent[] = []
  for (;;) {
    const next = await training.next()
    if (next.done) return { events, result: next.value }
    events.push(next.value)
    onEvent(next.value)
  }
}

test('the same files as in this thread, also when it is stopped and continued', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lever-worker-'))
  const [here, there] = [join(folder, 'here'), join(folder, 'there')]
  await runAll({ ...start, output: here })
  const controller = new AbortController()
  const stopped = await collect(
    trainInWorker({ ...start, output: there, signal: controller.signal }),
    (event) => {
      if (event.type === 'step') controller.abort()
    },
  )
  expect(stopped.result.status).toBe('interrupted')
  const { events, result } = await collect(trainInWorker({ ...start, output: there }))
  expect(result.status).toBe('finished')
  expect(only(events, 'notice')[0]!.message).toMatch(/^continues after step/)
  expect(await hashes(there)).toEqual(await hashes(here))
  await rm(folder, { recursive: true })
})

test('the event loop of the caller stays alive', async () => {
  const long = { ...start, phases: [{ ...phases[0]!, epochs: 40 }], chunk: 1000 }
  let ticks = 0
  const timer = setInterval(() => (ticks += 1), 2)
  const before = performance.now()
  await collect(trainInWorker(long))
  clearInterval(timer)
  expect(ticks).toBeGreaterThan((performance.now() - before) / 40)
})

test('leaving the loop ends the worker', async () => {
  for await (const event of trainInWorker({ ...start, phases: [{ ...phases[0]!, epochs: 1000 }] })) {
    if (event.type === 'step') break
  }
})

test('errors cross the threads', async () => {
  const bad = collect(trainInWorker({ ...start, phases: [{ objective: 'rce', epochs: -1 }] }))
  await expect(bad).rejects.toThrow('epochs of phase rce must be a whole number from 0, got -1')
  await expect(bad).rejects.toMatchObject({ code: 'LEVER_INPUT', name: 'InputError' })
})
