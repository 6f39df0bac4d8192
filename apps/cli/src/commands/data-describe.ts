import { InputError } from '@lever/durable-files'
import { REWARD_MODE_NAMES } from '@lever/reward-utils'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'
import { choice } from '../options.ts'
import { datasetOptions } from '../pipeline/inputs/dataset.ts'
import { describeDatasets, isDataset } from '../pipeline/inputs/describe-dataset.ts'
import { groupOptionsOf, rewardOptions } from '../pipeline/train/rewards.ts'

export const dataDescribe: Command = defineCommand({
  describe:
    'What RL data holds and what training can learn from it; or what a dataset holds: counts, answer agreement, ceiling and majority, and images that several splits share.',
  example: 'lever data describe runs/generate/rl-data.json\n  lever data describe world/train world/test',
  files: {
    name: 'file',
    describe: 'RL data (JSON of any shape of the original, or a journal), or datasets: folders or files',
    min: 0,
    max: Infinity,
  },
  options: {
    ...rewardOptions,
    'reward-mode': choice('how an outcome becomes a reward', REWARD_MODE_NAMES, {
      shown: 'hard_plus_soft, for beams the InfoScore',
    }),
    ...datasetOptions,
  },
  async run(options, _, files) {
    const { dataset, questions, annotations, images, split } = options
    const isNamed = (dataset ?? questions) !== undefined
    if (isNamed && files.length > 0)
      throw new InputError('a file and --dataset or --questions are both given; give one')
    if (isNamed) return describeDatasets([{ dataset, questions, annotations, images, split }])
    const [file] = files
    if (file === undefined) throw new InputError('there is nothing to describe; give RL data or a dataset')
    if (files.length > 1 || (await isDataset(file))) {
      const places = files.map((one) => ({ dataset: one, annotations, images, split }))
      return describeDatasets(places)
    }
    await requirePath(file, 'file')
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
