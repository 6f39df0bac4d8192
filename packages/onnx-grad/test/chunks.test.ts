import { expect, test } from '@jest/globals'
import * as g from '../src/index.ts'
import { numbers } from './support/gradient-error.ts'

const start: g.Parameters = new Map([['w', { shape: [3, 2], values: Float32Array.from(numbers(6, 1)) }]])
const program: g.TrainingProgram = {
  layout: g.layoutParameters(start),
  stepInputs: { x: { shape: [4, 3] } },
  sharedInputs: { y: { shape: [4, 2] } },
  loss: (p, data) => ({ loss: g.mean(g.square(g.sub(g.matmul(data('x'), p('w')), data('y')))) }),
}
const batch = (steps: number): g.TrainingBatch => ({
  learningRates: new Array<number>(steps).fill(0.1),
  stepInputs: { x: Float32Array.from(numbers(steps * 12, 3)) },
  sharedInputs: { y: Float32Array.from(numbers(8, 4)) },
})
const state = g.initialState(program.layout, start)

test('chunks, and a worker thread, give the same bits', async () => {
  const [here, there] = [await g.openTrainer(program), await g.openTrainer(program, { worker: true })]
  const whole = await here.run(state, batch(7))
  expect(await here.run(state, batch(7), { chunk: 3 })).toEqual(whole)
  expect(await there.run(state, batch(7))).toEqual(whole)
  expect(await there.run(state, batch(7), { chunk: 1 })).toEqual(whole)
  await here.close()
  await there.close()
})

test('a worker leaves this thread free, and stops between chunks', async () => {
  const trainer = await g.openTrainer(program, { worker: true })
  const controller = new AbortController()
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
    if (ticks === 3) controller.abort()
  }, 1)
  const steps = 100_000
  const { state: after, metrics } = await trainer.run(
    state,
    {
      ...batch(0),
      learningRates: new Array<number>(steps).fill(0.1),
      stepInputs: { x: new Float32Array(steps * 12) },
    },
    { chunk: 500, signal: controller.signal },
  )
  clearInterval(timer)
  expect(after.step).toBeGreaterThan(0)
  expect(after.step).toBeLessThan(steps)
  expect(after.step % 500).toBe(0)
  expect(metrics['loss']).toHaveLength(after.step)
  await trainer.close()
})

test('an aborted signal makes no step', async () => {
  const trainer = await g.openTrainer(program)
  expect(await trainer.run(state, batch(3), { signal: AbortSignal.abort() })).toEqual({ state, metrics: {} })
  await trainer.close()
})

test('errors of a worker are those of the thread', async () => {
  const trainer = await g.openTrainer(program, { worker: true })
  const wrong = { ...batch(2), sharedInputs: { y: new Float32Array(7) } }
  await expect(trainer.run(state, wrong)).rejects.toThrow('input y needs 8 values [4, 2], got 7')
  // @ts-expect-error an option with a typing error
  await expect(trainer.run(state, batch(2), { chunks: 1 })).rejects.toThrow('did you mean chunk?')
  await expect(trainer.run(state, batch(2), { chunk: 0 })).rejects.toThrow(
    'a chunk of 0 steps; give 1 or more',
  )
  await trainer.close()
  await expect(trainer.run(state, batch(2))).rejects.toThrow('the worker that ran the graph has ended')
})
