import type { Option } from '../../options.ts'
import { choice, flag, list, number, text } from '../../options.ts'

/** Options of the commands that train, besides rewards and phases. */
export const trainOptions: {
  readonly 'rl-data': Option<readonly string[]>
  readonly embeddings: Option<string>
  readonly 'query-embeddings': Option<string | undefined>
  readonly out: Option<string>
  readonly init: Option<string | undefined>
  readonly architecture: Option<string | undefined>
  readonly hidden: Option<number | undefined>
  readonly 'num-layers': Option<number | undefined>
  readonly 'val-ratio': Option<number>
  readonly 'split-by': Option<'data' | 'image' | undefined>
  readonly 'require-positive-query': Option<boolean>
  readonly threads: Option<number>
  readonly device: Option<'cpu' | 'cuda' | 'webgpu'>
  readonly 'save-every': Option<number | undefined>
  readonly tensorboard: Option<boolean>
  readonly 'keep-epochs': Option<boolean>
  readonly seed: Option<number>
} = {
  'rl-data': list('RL data: JSON of any shape, or a journal; several are trained on jointly', {
    required: true,
    aliases: ['beam-data'],
  }),
  embeddings: text('embeddings of the pool and the queries (lever embed)', {
    required: true,
    aliases: ['img-emb', 'cand-emb'],
  }),
  'query-embeddings': text('embeddings of the queries, when they are of another dataset', {
    aliases: ['query-emb'],
  }),
  out: text('run directory', { required: true, aliases: ['output-dir'] }),
  init: text('checkpoint to start from', { shown: 'a new policy', aliases: ['sft-ckpt', 'policy'] }),
  architecture: text('architecture of a new policy', { shown: 'of the preset' }),
  hidden: number('hidden size H of a new policy', { min: 1, whole: true, shown: 'of the preset' }),
  'num-layers': number('layers of cross-attention of a new policy', { min: 1, whole: true, shown: '1' }),
  'val-ratio': number('share of the queries for validation, whole images', {
    default: 0.1,
    min: 0,
    max: 0.9,
  }),
  'split-by': choice(
    'what is validated on: the val_ids of the data where they have any, else --val-ratio; or always --val-ratio',
    ['data', 'image'],
    { shown: 'data' },
  ),
  'require-positive-query': flag('leave out queries without a right answer'),
  threads: number('threads inside an operator', { default: 1, min: 1, whole: true }),
  device: choice('execution provider', ['cpu', 'cuda', 'webgpu'], { default: 'cpu' }),
  'save-every': number('save the resumable state after so many steps too', {
    min: 1,
    whole: true,
    shown: 'every epoch',
  }),
  tensorboard: flag('also write an event file for TensorBoard'),
  'keep-epochs': flag('keep a checkpoint of every epoch besides the best and the last', { default: true }),
  seed: number('seed of the new policy, the order of queries, dropout and the split', {
    default: 0,
    min: 0,
    whole: true,
  }),
}
