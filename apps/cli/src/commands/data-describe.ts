import { REWARD_MODE_NAMES } from '@lever/reward-utils'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { requirePath } from '../files.ts'
import { choice } from '../options.ts'
import { groupOptionsOf, rewardOptions } from '../pipeline/rewards.ts'

export const dataDescribe: Command = defineCommand({
  describe: 'What RL data holds, and what training can learn from it.',
  example: 'lever data describe runs/generate/rl-data.json',
  files: {
    name: 'file',
    describe: 'RL data: JSON of any shape of the original, or a journal',
    min: 1,
    max: 1,
  },
  options: {
    ...rewardOptions,
    'reward-mode': choice('how an outcome becomes a reward', REWARD_MODE_NAMES, {
      shown: 'hard_plus_soft, for beams the InfoScore',
    }),
  },
  async run(options, _, [file = '']) {
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
