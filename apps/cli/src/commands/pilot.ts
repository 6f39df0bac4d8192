import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { datasetOptions, poolDatasetOptions, poolOptions, skipImagesOption } from '../options/data.ts'
import { modelOptions } from '../options/model.ts'
import { pilotFromData, pilotWithModel } from '../pipeline/pilot/pilot.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'

export const pilot: Command = defineCommand({
  describe:
    'Says before anyone pays whether there is anything to win by choosing demonstrations: how far rewards are luck, what a fixed set wins, what embeddings predict, how many test questions a gain needs, and what a training costs. Measures about 50 questions with 16 single demonstrations under two wordings of the prompt, or reads RL data that was measured so.',
  example:
    'lever pilot --dataset world/train --embeddings train.safetensors --other-system "Answer in one word." --out runs/pilot\n  lever pilot --from-rl-data a.json --other-wording b.json --embeddings all.safetensors',
  options: {
    Data: {
      ...datasetOptions,
      ...skipImagesOption,
      ...poolDatasetOptions,
      ...poolOptions,
      queries: { ...poolOptions.queries, default: 48 },
      fromRlData: {
        type: 'text',
        about: 'RL data to read in place of measuring: choices under one wording of the prompt',
      },
      otherWording: {
        type: 'text',
        about: 'RL data of the same choices under another wording',
        onlyWith: { fromRlData: true },
      },
    },
    Model: {
      ...modelOptions,
      batchSize: {
        type: 'number',
        about: 'prompts per call of the model',
        default: 1024,
        min: 1,
        whole: true,
      },
      otherTemplate: {
        ...modelOptions.template,
        about: 'prompt template of the second wording',
        unset: 'the same',
      },
      otherSystem: { type: 'text', about: 'system prompt of the second wording', unset: 'the same' },
    },
    Proposals: {
      singles: {
        type: 'number',
        about:
          'single demonstrations measured of every question; a quarter of them similar ones, with --embeddings',
        default: 16,
        min: 2,
        whole: true,
      },
      maxAnswers: {
        type: 'number',
        about: 'different human answers that are scored for the expected accuracy',
        min: 1,
        whole: true,
        unset: 'all',
      },
      promptsPerSecond: {
        type: 'number',
        about: 'speed of the model, for hours and money',
        unset: 'as measured',
        min: 0.001,
      },
      pricePerHour: { type: 'number', about: 'price of an hour of the machine', min: 0 },
    },
    Output: {
      out: { type: 'text', about: 'run directory; without it nothing is written', aliases: ['output-dir'] },
    },
    General: {
      seed: { type: 'number', about: 'seed of questions, pools and draws', default: 0, min: 0, whole: true },
    },
  },
  interrupted: ({ fromRlData }) => (fromRlData === undefined ? CONTINUES : undefined),
  async run(options, context) {
    const { fromRlData, out } = options
    const { formatPilot } = await import('@lever/rl-generate')
    if (fromRlData === undefined && out === undefined) {
      throw new InputError('there is no run directory for what is measured; give --out, or --from-rl-data')
    }
    const report =
      fromRlData === undefined
        ? await pilotWithModel({ ...options, ...placesOf(options), out: out! }, context)
        : await pilotFromData({ ...options, rlData: fromRlData }, context)
    const written = out === undefined ? [] : ['', `run directory: ${out} (results in pilot.json, pilot.txt)`]
    return { json: report, text: [formatPilot(report), ...written].join('\n') }
  },
})
