import { describe, expect, test } from '@jest/globals'
import * as g from '../src/index.ts'
import type { Parameters, TrainingProgram } from '../src/index.ts'
import { numbers } from './support/gradient-error.ts'

const start: Parameters = new Map([
  ['w', { shape: [3, 2], values: Float32Array.from(numbers(6, 1)) }],
  ['b', { shape: [2], values: Float32Array.from(numbers(2, 2)) }],
])

const program = (options: g.LayoutOptions = {}, more: Partial<TrainingProgram> = {}): TrainingProgram => ({
  layout: g.layoutParameters(start, options),
  stepInputs: { x: { shape: [4, 3] }, y: { shape: [4, 2] } },
  loss: (p, inputs) => {
    const error = g.sub(g.linear(inputs('x'), p('w'), p('b')), inputs('y'))
    return { loss: g.mean(g.square(error)), metrics: { largest: g.max(error) } }
  },
  ...more,
})

const batch = (steps: number): g.TrainingBatch => ({
  learningRates: Array.from({ length: steps }, (_, i) => 0.1 / (i + 1)),
  stepInputs: {
    x: Float32Array.from(numbers(steps * 12, 3)),
    y: Float32Array.from(numbers(steps * 8, 4)),
  },
})

async function train(
  trainingProgram: TrainingProgram,
  steps: number,
  options: g.TrainerOptions = {},
): Promise<g.TrainingResult> {
  const trainer = await g.openTrainer(trainingProgram, options)
  try {
    return await trainer.run(g.initialState(trainingProgram.layout, start), batch(steps))
  } finally {
    await trainer.close()
  }
}

/** AdamW as in torch.optim, in double precision, for the linear model above. */
function reference(
  steps: number,
  { decay = 0.01, clip = Infinity } = {},
): { weights: number[]; losses: number[] } {
  const w = [...start.get('w')!.values, ...start.get('b')!.values].map(Number)
  const m = w.map(() => 0)
  const v = w.map(() => 0)
  const losses: number[] = []
  const { learningRates, stepInputs } = batch(steps)
  for (let t = 0; t < steps; t++) {
    const x = stepInputs['x']!.slice(t * 12, t * 12 + 12) as Float32Array
    const y = stepInputs['y']!.slice(t * 8, t * 8 + 8) as Float32Array
    const gradient = w.map(() => 0)
    let loss = 0
    for (let r = 0; r < 4; r++) {
      for (let c = 0; c < 2; c++) {
        let error = w[6 + c]! - y[r * 2 + c]!
        for (let k = 0; k < 3; k++) error += x[r * 3 + k]! * w[k * 2 + c]!
        loss += error ** 2 / 8
        gradient[6 + c]! += error / 4
        for (let k = 0; k < 3; k++) gradient[k * 2 + c]! += (x[r * 3 + k]! * error) / 4
      }
    }
    losses.push(loss)
    const norm = Math.hypot(...gradient)
    const factor = Math.min(1, clip / (norm + 1e-6))
    const rate = learningRates[t]!
    w.forEach((_, i) => {
      const gi = gradient[i]! * factor
      m[i] = 0.9 * m[i]! + 0.1 * gi
      v[i] = 0.999 * v[i]! + 0.001 * gi * gi
      const step = m[i] / (1 - 0.9 ** (t + 1)) / (Math.sqrt(v[i] / (1 - 0.999 ** (t + 1))) + 1e-8)
      w[i] = w[i]! * (1 - rate * decay) - rate * step
    })
  }
  return { weights: w, losses }
}

const flat = (result: g.TrainingResult): number[] => Array.from(result.state.weights.decayed)

describe('training', () => {
  test('AdamW agrees with a double-precision reference over 20 steps', async () => {
    const result = await train(program(), 20)
    const expected = reference(20)
    expected.weights.forEach((w, i) => expect(flat(result)[i]).toBeCloseTo(w, 5))
    expected.losses.forEach((loss, i) => expect(result.metrics['loss']![i]).toBeCloseTo(loss, 5))
    expect(result.state.step).toBe(20)
  })

  test('the global norm is clipped as in PyTorch', async () => {
    const result = await train(program({}, { clipNorm: 0.05 }), 5)
    reference(5, { clip: 0.05 }).weights.forEach((w, i) => expect(flat(result)[i]).toBeCloseTo(w, 5))
  })

  test('loop and single steps, one and two threads give the same bits', async () => {
    const loop = await train(program(), 7)
    for (const options of [{ form: 'step' }, { threads: 2 }] as const) {
      const other = await train(program(), 7, options)
      expect(other.state).toEqual(loop.state)
      expect(other.metrics['loss']).toEqual(loop.metrics['loss'])
      expect(other.metrics['largest']).toEqual(loop.metrics['largest'])
    }
  })

  test('large arrays next to small ones: the same bits in every form, each parameter in its place', async () => {
    const shapes = {
      first: [3, 90],
      large: [90, 100],
      bias: [100],
      second: [100, 85],
      last: [85],
      fixed: [85],
    }
    const parameters: Parameters = new Map(
      Object.entries(shapes).map(([name, shape], i) => [
        name,
        {
          shape,
          values: Float32Array.from(
            numbers(
              shape.reduce((a, b) => a * b),
              i,
              0.2,
            ),
          ),
        },
      ]),
    )
    const layout = g.layoutParameters(parameters, {
      freeze: ['fixed'],
      decays: (name) => !['bias', 'second'].includes(name),
    })
    const wide: TrainingProgram = {
      layout,
      stepInputs: { x: { shape: [4, 3] }, y: { shape: [4, 85] } },
      clipNorm: 0.5,
      loss: (p, inputs) => {
        const hidden = g.tanh(g.matmul(g.matmul(inputs('x'), p('first')), p('large')))
        const output = g.mul(g.linear(g.add(hidden, p('bias')), p('second'), p('last')), p('fixed'))
        return { loss: g.mean(g.square(g.sub(output, inputs('y')))) }
      },
    }
    const runWide = async (options: g.TrainerOptions): Promise<g.TrainingResult> => {
      const trainer = await g.openTrainer(wide, options)
      const result = await trainer.run(g.initialState(layout, parameters), {
        learningRates: [0.1, 0.01, 0.02],
        stepInputs: { x: Float32Array.from(numbers(36, 1)), y: Float32Array.from(numbers(1020, 2)) },
      })
      await trainer.close()
      return result
    }
    const loop = await runWide({})
    expect(await runWide({ form: 'step' })).toEqual(loop)
    expect(await runWide({ threads: 2 })).toEqual(loop)
    const after = g.parametersOf(layout, loop.state)
    for (const [name, { values }] of parameters) {
      const moved = values.map((x, i) => Math.abs(x - after.get(name)!.values[i]!))
      const smallest = Math.min(...moved)
      const largest = Math.max(...moved)
      expect([name, largest > 0, largest < 0.2]).toEqual([name, name !== 'fixed', true])
      if (name === 'bias') expect(smallest).toBeGreaterThan(0.05)
    }
  })

  test('two runs in a row equal one long run', async () => {
    const trainer = await g.openTrainer(program())
    const all = batch(6)
    const part = (from: number, to: number): g.TrainingBatch => ({
      learningRates: all.learningRates.slice(from, to),
      stepInputs: {
        x: all.stepInputs['x']!.slice(from * 12, to * 12),
        y: all.stepInputs['y']!.slice(from * 8, to * 8),
      },
    })
    const initial = g.initialState(program().layout, start)
    const half = await trainer.run(initial, part(0, 2))
    const joined = await trainer.run(half.state, part(2, 6))
    const whole = await trainer.run(initial, all)
    expect(joined.state).toEqual(whole.state)
    await trainer.close()
  })

  test('frozen parameters stay, undecayed ones are not pulled to zero', async () => {
    const frozen = program({ freeze: ['b*'] })
    const result = await train(frozen, 3)
    const after = g.parametersOf(frozen.layout, result.state)
    expect(after.get('b')!.values).toEqual(start.get('b')!.values)
    expect(after.get('w')!.values).not.toEqual(start.get('w')!.values)
    const plain = program({ decays: () => false })
    const undecayed = await train(plain, 5)
    reference(5, { decay: 0 }).weights.forEach((w, i) =>
      expect(undecayed.state.weights.plain[i]).toBeCloseTo(w, 5),
    )
  })

  test('errors say what is missing', async () => {
    expect(() => g.layoutParameters(start, { freeze: ['nothing*'] })).toThrow(
      'freeze "nothing*" matches no parameter',
    )
    expect(() => g.encodeTrainingLoop(program({ freeze: ['*'] }))).toThrow('every parameter is frozen')
    const trainer = await g.openTrainer(program())
    const state = g.initialState(program().layout, start)
    await expect(
      trainer.run(state, { learningRates: [1], stepInputs: { x: new Float32Array(12) } }),
    ).rejects.toThrow('input y needs 8 values [1, 4, 2], got none')
    const doubles = { x: new Float64Array(12) as never, y: new Float32Array(8) }
    await expect(trainer.run(state, { learningRates: [1], stepInputs: doubles })).rejects.toThrow(
      /input x float32 \[1, 4, 3\] was given Float64Array of 12/,
    )
    for (const [rates, message] of [
      [[NaN], 'a finite number for every step, got NaN for step 0'],
      [0.1 as never, 'a finite number for every step, got 0.1'],
    ] as const) {
      await expect(trainer.run(state, { learningRates: rates, stepInputs: {} })).rejects.toThrow(message)
    }
    await trainer.close()
    await expect(g.openTrainer(program({}, { optimizer: { betas: 1 } as never }))).rejects.toThrow(
      'AdamW has no option "betas"; did you mean beta1?',
    )
    const turned = new Map([...start, ['w', { ...start.get('w')!, shape: [2, 3] }]])
    expect(() => g.initialState(program().layout, turned)).toThrow(
      'parameter w has shape [2, 3]; it must be [3, 2]',
    )
    const taken = program({}, { sharedInputs: { keep: { shape: [1] } } })
    expect(() => g.encodeTrainingLoop(taken)).toThrow('the training graph itself has an input keep')
    const ofState = program({}, { sharedInputs: { weights_decayed: { shape: [1] } } })
    expect(() => g.encodeTrainingLoop(ofState)).toThrow('itself has an input weights_decayed')
    const twice = program({}, { sharedInputs: { x: { shape: [1] } } })
    expect(() => g.encodeTrainingLoop(twice)).toThrow('input x is one of every step and a shared one')
    for (const encode of [g.encodeTrainingLoop, g.encodeTrainingStep]) {
      const strange = program({}, { loss: (p) => ({ loss: g.mean(g.mul(p('b'), g.input('z', [2]))) }) })
      expect(() => encode(strange)).toThrow('the loss reads input z, which the program does not have')
    }
    const bare = program({}, { loss: (p) => g.mean(p('w')) as never })
    expect(() => g.encodeTrainingLoop(bare)).toThrow('must return { loss, metrics }')
    const named = program(
      {},
      {
        loss: (p) => ({ loss: g.mean(p('w')), metrics: { grad_norm: g.scalar(1) } }),
      },
    )
    expect(() => g.encodeTrainingLoop(named)).toThrow('grad_norm is reported anyway')
    const other = program({}, { loss: (_, inputs) => ({ loss: g.mean(inputs('z')) }) })
    expect(() => g.encodeTrainingLoop(other)).toThrow('no input z; there are x, y')
    const wrong = program({}, { loss: (p) => ({ loss: g.mean(p('weight')) }) })
    expect(() => g.encodeTrainingLoop(wrong)).toThrow('no parameter weight; there are w, b')
  })
})

describe('schedules', () => {
  test('cosine with warm-up', () => {
    const rate = g.cosineRate({ rate: 1, steps: 110, warmup: 10, floor: 0.1 })
    expect(rate(0)).toBeCloseTo(0.1)
    expect(rate(9)).toBeCloseTo(1)
    expect(rate(60)).toBeCloseTo(0.55)
    expect(rate(110)).toBeCloseTo(0.1)
    expect(rate(1000)).toBeCloseTo(0.1)
  })
  test('linear', () => {
    const temperature = g.linearRate({ start: 2, end: 0.5, steps: 4 })
    expect([0, 1, 2, 3, 9].map(temperature)).toEqual([2, 1.5, 1, 0.5, 0.5])
    expect(g.linearRate({ start: 2, end: 0.5, steps: 1 })(0)).toBe(0.5)
    expect(g.constantRate(3)(7)).toBe(3)
  })
})
