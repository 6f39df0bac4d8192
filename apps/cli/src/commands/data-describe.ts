import { InputError } from '@lever/durable-files'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'
import { datasetOptions } from '../options/data.ts'
import { describeDatasets, isDataset } from '../pipeline/inputs/describe-dataset.ts'

export const dataDescribe: Command = defineCommand({
  describe:
    'Describes RL data and what training can learn from it; or datasets: counts, agreement of the answers, ceiling, majority, images that cannot be read, and images that splits share.',
  example: 'lever data describe runs/generate/rl-data.json\n  lever data describe world/train world/test',
  files: {
    name: 'file',
    describe: 'RL data (JSON of any shape, or a journal), or datasets (folders or files)',
    min: 0,
    max: Infinity,
  },
  async options() {
    const { REWARD_SETTINGS } = await import('@lever/grpo-trainer')
    const { type, about, choices } = REWARD_SETTINGS.rewardMode
    return {
      Data: {
        ...datasetOptions,
        allImages: {
          type: 'flag',
          about:
            'read every image of the datasets and find those that look alike; without it, above 5,000 images, a random sample of 200 of each dataset is read',
        },
      },
      Rewards: {
        ...REWARD_SETTINGS,
        rewardMode: { type, about, choices, unset: 'hard_plus_soft; the InfoScore for beams' },
      },
    }
  },
  async run(options, _, files) {
    const { dataset, questions, annotations, images, split, allowOutsideImages, allImages } = options
    const where = { annotations, images, split, allowOutsideImages }
    const isNamed = (dataset ?? questions) !== undefined
    if (isNamed && files.length > 0)
      throw new InputError('both a file and --dataset or --questions are given; give one of them')
    if (isNamed) return describeDatasets([{ dataset, questions, ...where }], allImages)
    const [file] = files
    if (file === undefined) throw new InputError('there is nothing to describe; give RL data or a dataset')
    if (files.length > 1 || (await isDataset(file))) {
      const places = files.map((one) => ({ dataset: one, ...where }))
      return describeDatasets(places, allImages)
    }
    await requirePath(file, 'file')
    const { groupOptionsOf } = await import('@lever/grpo-trainer')
    const { describeRlData, renderDescription } = await import('@lever/rl-dataset')
    const { readRlData } = await import('@lever/rl-dataset/node')
    const { reward, ...rest } = groupOptionsOf({
      ...options,
      rewardMode: options.rewardMode ?? 'hard_plus_soft',
    })
    const isGiven = options.rewardMode !== undefined || Object.keys(reward ?? {}).length > 1
    const description = describeRlData(await readRlData(file), {
      ...rest,
      ...(isGiven && { reward }),
    })
    return { json: description, text: renderDescription(description) }
  },
})
