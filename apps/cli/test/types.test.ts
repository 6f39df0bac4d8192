import { expect, test } from '@jest/globals'
import { resolvePhase, train, type PhaseOptions, type TrainingData } from '@lever/grpo-trainer'
import { createSelector, resolveSelectors, type SelectorRequest } from '@lever/icl-eval'
import { byIds, createModel, openPolicy, resolveConfig, type PolicyOptions } from '@lever/pointer-model'
import { computeReward, normalizeGroup, type RewardOptions } from '@lever/reward-utils'
import { proposePointers, type ProposalRequest } from '@lever/rl-generate'
import type { SelectOptions, WriteBundleOptions } from '@lever/selector'
import { createProgress } from '@lever/terminal'
import { openVqaModel, type VqaModelOptions } from '@lever/vqa-model'

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

test('names of bundles, evaluations and pools', async () => {
  const options = { shots: 1, selector: 'rices-both' } satisfies SelectOptions
  expect(options.selector).toBe('rices-both')
  // @ts-expect-error a baseline with a typing error
  const baseline: SelectOptions = { selector: 'rices-bot' }
  // @ts-expect-error a pool method with a typing error
  const pool: Pick<WriteBundleOptions, 'poolMethod'> = { poolMethod: 'mixt' }
  expect([baseline, pool]).toHaveLength(2)
  // A policy may have any name, so these are suggestions only.
  const own: SelectorRequest[] = ['mmr', 'pool:bm25', 'my-policy']
  expect(() => resolveSelectors(own)).toThrow('there is no selector my-policy')
  // @ts-expect-error a proposal method with a typing error
  await expect(checked([{ method: 'retreival', count: 1 }])).rejects.toThrow(near('retrieval'))
  // @ts-expect-error an option of another proposal method
  await expect(checked([{ method: 'beam', count: 1, top: 3 }])).rejects.toThrow('beam has no option "top"')
})

test('backends and their options', async () => {
  // @ts-expect-error a backend with a typing error
  await expect(openVqaModel({ backend: 'onx', model: 'm' })).rejects.toThrow('unknown backend "onx"')
  // @ts-expect-error an option of another backend
  await expect(openVqaModel({ backend: 'onnx', model: 'm', baseUrl: 'x' })).rejects.toThrow('"baseUrl"')
  const onnx = { backend: 'onnx', model: 'm' } as const
  // @ts-expect-error a template with a typing error
  const template: VqaModelOptions = { ...onnx, template: 'lever-pluss' }
  // @ts-expect-error a device with a typing error
  const device: VqaModelOptions = { ...onnx, device: 'cuds' }
  // @ts-expect-error a dtype with a typing error
  const dtype: VqaModelOptions = { ...onnx, dtype: 'fp61' }
  // @ts-expect-error a post-processing with a typing error
  const postprocess: VqaModelOptions = { ...onnx, postprocess: 'first_line' }
  // @ts-expect-error a field of nested options with a typing error
  const pixels: VqaModelOptions = { ...onnx, pixels: { maximum: 1000 } }
  for (const [options, message] of [
    [device, 'unknown device "cuds"'],
    [dtype, 'unknown dtype "fp61"'],
    [pixels, 'vqa-model: pixels has no option "maximum"'],
  ] as const) {
    await expect(openVqaModel(options)).rejects.toThrow(message)
  }
  expect([template, postprocess]).toHaveLength(2)
  const allowed: VqaModelOptions[] = [
    { ...onnx, device: 'cuda:0,cuda:1', dtype: 'decoder_model_merged=q4', template: 'caption' },
    { ...onnx, device: 'auto', dtype: { vision_encoder: 'fp16' }, postprocess: 'trim' },
  ]
  expect(allowed).toHaveLength(2)
})

test('options of methods', async () => {
  const model = createModel({ settings: { dim: 4 } })
  const policy = await openPolicy(model)
  const rows = { ids: [1, 2], dim: 4, data: new Float32Array(8).fill(1) }
  const asked = byIds(policy, { queries: rows })
  const query = [{ queryId: 1, poolIds: [2] }]
  // @ts-expect-error an option with a typing error
  await expect(asked.choose(query, { shots: 1, decodng: 'beam' })).rejects.toThrow(near('decoding'))
  // @ts-expect-error an option of another method
  await expect(asked.greedy(query, { shots: 1, width: 2 })).rejects.toThrow('greedy has no option "width"')
  // @ts-expect-error an option with a typing error
  await expect(asked.beam(query, { shots: 1, widht: 2 })).rejects.toThrow(near('width'))
  await policy.close()
  const scripted = await openVqaModel({ backend: 'scripted', script: () => 'yes', checkImages: false })
  // @ts-expect-error an option with a typing error
  await expect(scripted.answer([], { scoreOnly: true })).rejects.toThrow(near('scoresOnly'))
  await scripted.close()
  const progress = createProgress({ write: () => undefined, mode: 'quiet' })
  // @ts-expect-error an option with a typing error
  expect(() => progress.stage('embed', { units: 'images' })).toThrow(near('unit'))
})

test('options inside options', async () => {
  // @ts-expect-error a field with a typing error
  const data: TrainingData = { groups: [], embeddings: { data: new Float32Array(0), dim: 4 }, validaton: [] }
  const training = train({ model: createModel({ settings: { dim: 4 } }), data, phases: [], seed: 0 })
  await expect(training.next()).rejects.toThrow(near('validation'))
})

const checked = async (mix: readonly ProposalRequest[]): Promise<unknown> =>
  proposePointers({ queries: [], shots: 1, mix })
