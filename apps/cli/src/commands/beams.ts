import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, number, text } from '../options.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { inputOptions } from '../pipeline/inputs/inputs.ts'
import { modelOptions } from '../pipeline/model/model.ts'
import { formatBeams, growBeams } from '../pipeline/beams/beams.ts'

export const beams: Command = defineCommand({
  describe:
    'InfoScore beams: for every anchor the demonstrations that make the ground truth most probable, grown one by one. Labels for lever sft. Continues when run again.',
  example: 'lever beams --dataset fixtures/shapes-vqa/world/train --queries 200 --out runs/beams',
  options: {
    ...inputOptions,
    ...modelOptions,
    device: text('onnx: cpu, cuda, cuda:1, webgpu, dml, coreml or auto; or several, as cuda:0,cuda:1', {
      shown: 'cpu',
    }),
    workers: number('onnx: worker threads on every device, each with a model of its own', {
      min: 0,
      whole: true,
      shown: '2',
    }),
    out: text('run directory', { required: true, aliases: ['output-dir'] }),
    shots: number('demonstrations of a beam, K', {
      default: 2,
      min: 1,
      whole: true,
      aliases: ['shot-num', 'few-shot-num'],
    }),
    width: number('beams kept at every length', {
      default: 5,
      min: 1,
      whole: true,
      aliases: ['beam-size'],
    }),
    order: choice('a new demonstration goes after those chosen before, or before them', ['after', 'before'], {
      default: 'after',
    }),
    'info-score': choice('gain in what', ['probability', 'log-probability'], { default: 'probability' }),
    shard: text('part i/n of the anchors, i from 0; or auto/n'),
    strict: flag('stop at a prompt that cannot be scored', { default: true }),
    seed: number('seed of the sample of anchors and of the pools', { default: 0, min: 0, whole: true }),
  },
  async run(options, context) {
    const grown = await growBeams({ ...options, ...placesOf(options) }, context)
    return { json: grown, text: formatBeams(grown) }
  },
})
