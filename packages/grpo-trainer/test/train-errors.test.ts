import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { readCheckpoint } from '@lever/pointer-model'
import type { PhaseOptions } from '../src/phases.ts'
import { runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const world = makeWorld({ queries: 48, validation: 24, pool: 10, pointers: 8 })
const start = { model: smallModel(), data: world }
const learning: PhaseOptions = { objective: 'listwise', epochs: 8, learningRate: 0.02, batchSize: 8 }

describe('errors', () => {
  const group = world.groups[0]!
  test.each([
    [
      'there is no objective "ppo"; did you mean grpo?',
      { phases: [{ objective: 'ppo' as 'rce', epochs: 1 }] },
    ],
    [
      'epochs of phase rce must be a whole number from 0, got 1.5',
      { phases: [{ objective: 'rce', epochs: 1.5 }] },
    ],
    [
      'dropout of phase rce must be a number from 0 and below 1, got 1',
      { phases: [{ objective: 'rce', epochs: 1, dropout: 1 }] },
    ],
    [
      'rce has no option "temprature"',
      { phases: [{ objective: 'rce', epochs: 1, options: { temprature: 1 } }] },
    ],
    [
      'option kl of grpo must be one of k1, k2, k3, exact, got k4',
      { phases: [{ objective: 'grpo', epochs: 1, options: { kl: 'k4' } }] },
    ],
    [
      'option temperatureEnd of rce must be a number, got 1',
      { phases: [{ objective: 'rce', epochs: 1, options: { temperatureEnd: '1' } }] },
    ],
    [
      'a phase has no option "lr"; choose one of objective, epochs, learningRate',
      { phases: [{ ...learning, lr: 1 }] },
    ],
    [
      'phase grpo: reward-utils: adaptive KL needs',
      { phases: [learning, { objective: 'grpo', epochs: 1, options: { klTargetLow: 0.2 } }] },
    ],
    [
      'phase rce: onnx-grad: freeze "nothing.*" matches no parameter',
      { phases: [learning, { objective: 'rce', epochs: 1, freeze: ['nothing.*'] }] },
    ],
    [
      'freeze of phase rce leaves no parameter to train, got *',
      { phases: [learning, { objective: 'rce', epochs: 1, freeze: ['*'] }] },
    ],
    [
      'query 0 has a pointer without logprob_score',
      {
        data: { ...world, groups: [{ ...group, logProbs: Float64Array.of(-1) }] },
        phases: [{ objective: 'grpo', epochs: 1, options: { behaviour: 'mask' } }],
      },
    ],
    ['query 0: row 0.5 is not in the 120', { data: { ...world, groups: [{ ...group, queryRow: 0.5 }] } }],
    [
      'selectBy must be one of reward_ranked, reward, reward_expected, reward_top, loss',
      { selectBy: 'rewards' },
    ],
    ['chunk must be a whole number from 1, got 0', { chunk: 0 }],
    [
      'freeze of phase listwise must be a list of patterns, got "a"',
      { phases: [{ ...learning, freeze: 'a' }] },
    ],
    [
      'dropFlat of phase listwise must be true or false, got "no"',
      { phases: [{ ...learning, dropFlat: 'no' }] },
    ],
    [
      'learningRate of phase listwise must be a number above 0, got "1"',
      { phases: [{ ...learning, learningRate: '1' }] },
    ],
    ['cannot read', { output: fileURLToPath(import.meta.url) }],
    ['there is no group to train on', { data: { ...world, groups: [] } }],
    ['embeddings have size 4', { data: { ...world, embeddings: { ...world.embeddings, dim: 4 } } }],
    [
      'query 0: row 900 is not in the 120 query embeddings',
      { data: { ...world, groups: [{ ...group, queryRow: 900 }] } },
    ],
    [
      'query 0: reward 0 is NaN',
      { data: { ...world, groups: [{ ...group, rawRewards: group.rawRewards.map(() => NaN) }] } },
    ],
    [
      'is not distinct positions in a pool of 10',
      { data: { ...world, groups: [{ ...group, pointers: group.pointers.map(() => 3) }] } },
    ],
  ] as const)('%s', async (message, change) => {
    const options = { ...start, phases: [learning], ...change } as never
    await expect(runAll(options)).rejects.toThrow(message)
    await expect(runAll(options)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  })

  test('a loss that is not finite names the queries, and what there is to go back to', async () => {
    const wild: PhaseOptions = { ...learning, learningRate: 1e30, clipNorm: null, batchSize: 2 }
    const place = /(loss|grad_norm) of step \d+ is (NaN|-?Infinity); queries of the batch: \d+, \d+; /
    const attempt = runAll({ ...start, phases: [wild] })
    await expect(attempt).rejects.toThrow(place)
    await expect(attempt).rejects.toThrow('; nothing was saved, since there is no output folder; lower')
    const output = await mkdtemp(join(tmpdir(), 'lever-train-'))
    await expect(runAll({ ...start, phases: [wild], output: join(output, 'first') })).rejects.toThrow(
      '; no epoch was finished before, so there is no checkpoint to go back to; lower',
    )
    const second = runAll({ ...start, phases: [{ ...learning, epochs: 1 }, wild], output })
    await expect(second).rejects.toThrow(
      `; ${join(output, 'checkpoints', 'last.safetensors')} is the policy after step 6; lower`,
    )
    const { info } = await readCheckpoint(join(output, 'checkpoints', 'last.safetensors'))
    expect(info).toMatchObject({ phase: 'listwise', epoch: 1, step: 6 })
    await rm(output, { recursive: true })
  })
})
