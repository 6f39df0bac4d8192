import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { datasetOptions, poolDatasetOptions, poolOptions, skipImagesOption } from '../options/data.ts'
import { modelOptions, NOT_WITH_QUEUE, policyOptions, queueOptions } from '../options/model.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { dryRun } from '../pipeline/generate/dry-run.ts'
import { generate as generateData } from '../pipeline/generate/generate.ts'
import { batchSizeOption, pointerShotsOption } from '../options/pointers.ts'
import { REWARDS } from '../pipeline/generate/reward.ts'

const fromPolicy = { onlyWith: { embeddings: true } } as const

export const generate: Command = defineCommand({
  describe:
    'Generates RL data: proposes pointers for every question, asks the VQA model and scores its answers by the official metric. Run again, the command continues.',
  example:
    'lever generate --dataset node_modules/@lever/shapes-vqa/world/train \\\n    --embeddings train.safetensors --out runs/generate',
  options: {
    Data: { ...datasetOptions, ...skipImagesOption, ...poolDatasetOptions, ...poolOptions },
    Model: {
      ...modelOptions,
      concurrency: { ...modelOptions.concurrency, notWith: NOT_WITH_QUEUE },
      device: { ...modelOptions.device, notWith: NOT_WITH_QUEUE },
      workers: { ...modelOptions.workers, min: 1, notWith: NOT_WITH_QUEUE },
      threads: { ...modelOptions.threads, notWith: NOT_WITH_QUEUE },
      imageCache: { ...modelOptions.imageCache, notWith: NOT_WITH_QUEUE },
      batchSize: {
        ...batchSizeOption,
        notWith: { queue: 'a job of the queue is a call there; give --job-size' },
      },
    },
    Proposals: {
      ...policyOptions,
      ...pointerShotsOption,
      numBeams: {
        type: 'number',
        about: 'pointers proposed by beam search of the policy',
        default: 5,
        min: 0,
        whole: true,
        ...fromPolicy,
      },
      temps: {
        type: 'numbers',
        about: 'temperatures at which the policy is sampled',
        default: [1, 1.3],
        min: 0,
        ...fromPolicy,
      },
      numSamplesPerTemp: {
        type: 'number',
        about: 'pointers sampled from the policy at each temperature',
        default: 2,
        min: 0,
        whole: true,
        ...fromPolicy,
      },
      numRetrieval: {
        type: 'number',
        about: 'pointers made of similar examples',
        default: 9,
        min: 0,
        whole: true,
        ...fromPolicy,
      },
      numRandom: { type: 'number', about: 'random pointers', default: 6, min: 0, whole: true },
      groupSize: {
        type: 'number',
        about: 'size G up to which groups are filled with random pointers',
        default: 0,
        min: 0,
        whole: true,
      },
      prefixShots: {
        type: 'numbers',
        about: 'lengths of pointer prefixes to measure as well, 0 for no demonstrations',
        default: [],
        min: 0,
        whole: true,
      },
      untilInformative: {
        type: 'number',
        about: 'upper limit for pointers per question, where more are measured because all rewards are equal',
        min: 2,
        whole: true,
      },
      shard: { type: 'text', about: 'shard i/n of the questions, counting from 0, or auto/n' },
    },
    Rewards: {
      reward: {
        type: 'text',
        about:
          'what is measured: accuracy of the decoded answer; expected accuracy (vqa_gt_prob, the sum over the human answers of accuracy x probability) without decoding; or both',
        choices: REWARDS,
        default: 'accuracy',
      },
      maxAnswers: {
        type: 'number',
        about:
          'different human answers that are scored for the expected accuracy, the most frequent first, then the first of the annotation; the others count as wrong',
        min: 1,
        whole: true,
        unset: 'all',
        onlyWith: { reward: ['expected', 'both'] },
      },
      strict: {
        type: 'flag',
        about: 'stop at an answer that cannot be scored',
        default: true,
        aliases: ['strict-eval'],
      },
      allowFallback: {
        type: 'flag',
        about: 'score by string match where a question has fewer than four answers',
      },
      gtProb: { type: 'flag', about: 'the same as --reward both' },
      relScore: {
        type: 'flag',
        about: 'also write vqa_rel_score, the similarity to the nearest human answer',
        onlyWith: { reward: ['accuracy', 'both'] },
      },
    },
    Queue: queueOptions,
    Output: {
      out: { type: 'text', about: 'run directory', required: true, aliases: ['output-dir'] },
      dryRun: {
        type: 'flag',
        about: 'only count what would be measured (prompts, images, tokens), without running the model',
      },
    },
    General: {
      seed: { type: 'number', about: 'seed of pools and proposals', default: 0, min: 0, whole: true },
    },
  },
  interrupted: ({ dryRun }) => (dryRun ? undefined : CONTINUES),
  async run(options, context) {
    const { embeddings, numBeams, numSamplesPerTemp, numRetrieval, numRandom, temps } = options
    const { defaultMix, formatDryRun, formatGenerated } = await import('@lever/rl-generate')
    const mix = defaultMix({
      informed: embeddings !== undefined,
      counts: { beam: numBeams, retrieval: numRetrieval, sample: numSamplesPerTemp, random: numRandom },
      temperatures: temps,
    })
    const { groupSize, prefixShots, gtProb, ...rest } = options
    const reward = gtProb && rest.reward === 'accuracy' ? 'both' : rest.reward
    const settings = { ...rest, ...placesOf(options), reward, mix, size: groupSize, prefixes: prefixShots }
    if (options.dryRun) {
      const planned = await dryRun(settings, context)
      return { json: planned, text: formatDryRun(planned, settings.poolFile) }
    }
    const generated = await generateData(settings, context)
    return { json: generated, text: formatGenerated(generated) }
  },
})
