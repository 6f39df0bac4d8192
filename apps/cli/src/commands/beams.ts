import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { datasetOptions, poolDatasetOptions, poolOptions, skipImagesOption } from '../options/data.ts'
import { modelOptions } from '../options/model.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { growBeams } from '../pipeline/beams/beams.ts'

export const beams: Command = defineCommand({
  describe:
    'Grows InfoScore beams: for every anchor, one by one, the demonstrations that make the ground truth most probable. They are the labels of lever sft. Run again, the command continues.',
  example: 'lever beams --dataset node_modules/@lever/shapes-vqa/world/train --queries 200 --out runs/beams',
  options: {
    Data: { ...datasetOptions, ...skipImagesOption, ...poolDatasetOptions, ...poolOptions },
    Model: modelOptions,
    Proposals: {
      shots: {
        type: 'number',
        about: 'demonstrations per beam, K',
        default: 2,
        min: 1,
        whole: true,
        aliases: ['shot-num', 'few-shot-num'],
      },
      width: {
        type: 'number',
        about: 'beams kept at every length',
        default: 5,
        min: 1,
        whole: true,
        aliases: ['beam-size'],
      },
      order: {
        type: 'text',
        about: 'place of a new demonstration, after or before those chosen so far',
        choices: ['after', 'before'],
        default: 'after',
      },
      infoScore: {
        type: 'text',
        about: 'quantity whose gain is the InfoScore',
        choices: ['probability', 'log-probability'],
        default: 'probability',
      },
      shard: { type: 'text', about: 'shard i/n of the anchors, counting from 0, or auto/n' },
      strict: { type: 'flag', about: 'stop at a prompt that cannot be scored', default: true },
    },
    Output: { out: { type: 'text', about: 'run directory', required: true, aliases: ['output-dir'] } },
    General: {
      seed: {
        type: 'number',
        about: 'seed for the sample of anchors and for the pools',
        default: 0,
        min: 0,
        whole: true,
      },
    },
  },
  interrupted: () => CONTINUES,
  async run(options, context) {
    const { formatBeams } = await import('@lever/rl-generate')
    const grown = await growBeams({ ...options, ...placesOf(options) }, context)
    return { json: grown, text: formatBeams(grown, grown.model) }
  },
})
