import type { ProposalRequest } from '@lever/rl-generate'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { flag, number, numbers, text } from '../options.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { dryRun } from '../pipeline/generate/dry-run.ts'
import { inputOptions } from '../pipeline/inputs/inputs.ts'
import { checkBackendOptions } from '../pipeline/model/backend-options.ts'
import { modelOptions } from '../pipeline/model/model.ts'
import { policyOptions } from '../pipeline/policy/policy.ts'
import { checkQueueOptions, queueOptions } from '../pipeline/generate/queue-options.ts'
import { BATCH_SIZE, generate as generateData } from '../pipeline/generate/generate.ts'
import { formatDryRun, formatGenerated } from '../pipeline/generate/generate-text.ts'

const counts = { min: 0, whole: true }

export const generate: Command = defineCommand({
  describe:
    'RL data: proposes pointers for every question, asks the VQA model, scores officially. Continues when run again.',
  example:
    'lever generate --dataset fixtures/shapes-vqa/world/train --embeddings train.safetensors --out runs/generate',
  options: {
    ...inputOptions,
    ...modelOptions,
    device: text('onnx: cpu, cuda, cuda:1, webgpu, dml, coreml or auto; or several, as cuda:0,cuda:1', {
      shown: 'cpu',
    }),
    workers: number('onnx: worker threads on every device, each with a model of its own', {
      min: 1,
      whole: true,
      shown: '2',
    }),
    ...policyOptions,
    out: text('run directory', { required: true, aliases: ['output-dir'] }),
    shots: number('demonstrations per pointer, K', {
      default: 2,
      min: 1,
      whole: true,
      aliases: ['shot-num'],
    }),
    'num-beams': number('pointers of beam search', { default: 5, ...counts }),
    temps: numbers('temperatures of sampling', { default: [1, 1.3], min: 0 }),
    'num-samples-per-temp': number('pointers sampled at each temperature', { default: 2, ...counts }),
    'num-retrieval': number('pointers of similar examples', { default: 9, ...counts }),
    'num-random': number('random pointers', { default: 6, ...counts }),
    'group-size': number('fill every group with random pointers up to this size G', {
      default: 0,
      ...counts,
    }),
    'prefix-shots': numbers('measure the first k demonstrations of every pointer too, 0 for none', {
      default: [],
      min: 0,
      whole: true,
    }),
    'until-informative': number('more pointers, up to so many, where all rewards are equal', {
      min: 2,
      whole: true,
    }),
    shard: text('part i/n of the queries, i from 0; or auto/n'),
    strict: flag('stop at an answer that cannot be scored', { default: true, aliases: ['strict-eval'] }),
    'allow-fallback': flag('score by string match where a question has fewer than four answers'),
    'gt-prob': flag('also measure vqa_gt_prob, the probability of the human answers; costs time'),
    'rel-score': flag('also write vqa_rel_score, the likeness to the nearest human answer'),
    'batch-size': number('prompts per call of the model; a server is asked one by one', {
      min: 1,
      whole: true,
      shown: String(BATCH_SIZE),
    }),
    ...queueOptions,
    'dry-run': flag('only count what would be measured: prompts, images, tokens; no model runs'),
    seed: number('seed of pools and proposals', { default: 0, min: 0, whole: true }),
  },
  async run(options, context) {
    checkQueueOptions(options)
    checkBackendOptions(options)
    const { embeddings, numBeams, numSamplesPerTemp, numRetrieval, numRandom, temps } = options
    const informed = embeddings !== undefined
    const mix: ProposalRequest[] = [
      { method: 'beam', count: informed ? numBeams : 0 },
      { method: 'retrieval', count: informed ? numRetrieval : 0 },
      { method: 'sample', count: informed ? numSamplesPerTemp : 0, temperatures: temps },
      { method: 'random', count: numRandom },
    ]
    const { groupSize, prefixShots, ...rest } = options
    const settings = { ...rest, ...placesOf(options), mix, size: groupSize, prefixes: prefixShots }
    if (options.dryRun) {
      const planned = await dryRun(settings, context)
      return { json: planned, text: formatDryRun(planned, settings.poolFile) }
    }
    const generated = await generateData(settings, context)
    return { json: generated, text: formatGenerated(generated) }
  },
})
