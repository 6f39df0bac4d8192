import { expect, test } from '@jest/globals'
import { resolvePhase, type PhaseOptions } from '@lever/grpo-trainer'
import { createSelector } from '@lever/icl-eval'
import { createModel, openPolicy, resolveConfig, type PolicyOptions } from '@lever/pointer-model'
import { computeReward, normalizeGroup, type RewardOptions } from '@lever/reward-utils'
import { openVqaModel } from '@lever/vqa-model'

/*
 * What an editor must underline. `npm run typecheck` fails where a line below passes, since its `@ts-expect-error` is then
 * unused; the tests say that the same mistakes are refused when JavaScript calls.
 */
const outcome = { vqa_correct: 1, vqa_acc_score: 0.9 }
const near = (name: string): string => `did you mean ${name}?`

test('reward modes: names, options, and modes of one`s own', () => {
  // @ts-expect-error a name with a typing error
  expect(() => computeReward(outcome, { mode: 'seperated' })).toThrow(near('separated'))
  // @ts-expect-error an option with a typing error
  expect(() => computeReward(outcome, { hardweight: 2 })).toThrow(near('hardWeight'))
  // @ts-expect-error a method with a typing error
  expect(() => normalizeGroup([1, 2], { method: 'zscore' })).toThrow('z_score')
  const modes = { mine: () => 0.5 }
  expect(computeReward(outcome, { mode: 'mine', modes })).toBe(0.5)
  // @ts-expect-error no mode of the table, and none of `modes`
  expect(() => computeReward(outcome, { mode: 'mien', modes })).toThrow(near('mine'))
  const kept: RewardOptions<'mine'> = { mode: 'mine', modes }
  expect(computeReward(outcome, kept)).toBe(0.5)
})

test('architectures and their settings', async () => {
  // @ts-expect-error a setting with a typing error
  expect(() => createModel({ settings: { dim: 4, hiden: 3 } })).toThrow(near('hidden'))
  // @ts-expect-error an architecture with a typing error
  expect(() => createModel({ architecture: 'grue', settings: { dim: 4 } })).toThrow(near('gru'))
  // @ts-expect-error a setting of another architecture
  expect(() => resolveConfig('cross-attention', { dim: 4, steps: 3 })).toThrow('has no setting "steps"')
  // @ts-expect-error an option with a typing error
  expect(() => createModel({ settings: { dim: 4 }, sede: 1 })).toThrow(near('seed'))
  const model = createModel({ architecture: 'gru', settings: { dim: 4, hidden: 4, steps: 3 } })
  const wrong = { batchsize: 3 } as PolicyOptions
  await expect(openPolicy(model, wrong)).rejects.toThrow(near('batchSize'))
})

test('phases: objectives and the options of each', () => {
  const rce = { objective: 'rce', epochs: 1 } as const
  // @ts-expect-error an option with a typing error
  const misspelt: PhaseOptions = { ...rce, options: { temperatureStrat: 1 } }
  expect(() => resolvePhase(misspelt)).toThrow(near('temperatureStart'))
  // @ts-expect-error an option of another objective
  const foreign: PhaseOptions = { ...rce, options: { clipHigh: 1 } }
  expect(() => resolvePhase(foreign)).toThrow('rce has no option "clipHigh"')
  // @ts-expect-error a field with a typing error
  const field: PhaseOptions = { ...rce, learningrate: 1 }
  expect(() => resolvePhase(field)).toThrow(near('learningRate'))
  // @ts-expect-error an objective with a typing error
  const objective: PhaseOptions = { objective: 'listwize', epochs: 1 }
  expect(() => resolvePhase(objective)).toThrow(near('listwise'))
  // @ts-expect-error an option of an added objective with a typing error
  const added: PhaseOptions = { ...rce, plus: [{ objective: 'listwise', options: { temperatur: 1 } }] }
  expect(() => resolvePhase(added)).toThrow('has no option "temperatur"')
})

test('selectors and the options of each', () => {
  // @ts-expect-error a name with a typing error
  expect(() => createSelector('rices-bot')).toThrow(near('rices-both'))
  // @ts-expect-error an option of another selector
  expect(() => createSelector('bm25', { lambda: 0.5 })).toThrow('bm25 has no option "lambda"')
  expect(createSelector('mmr', { lambda: 0.5 }).name).toBe('mmr')
})

test('backends and their options', async () => {
  // @ts-expect-error a backend with a typing error
  await expect(openVqaModel({ backend: 'onx', model: 'm' })).rejects.toThrow('unknown backend "onx"')
  // @ts-expect-error an option of another backend
  await expect(openVqaModel({ backend: 'onnx', model: 'm', baseUrl: 'x' })).rejects.toThrow('"baseUrl"')
})
