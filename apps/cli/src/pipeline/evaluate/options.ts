import type { Decoding } from '@lever/pointer-model'
import type { Option } from '../../options.ts'
import { list, number, text } from '../../options.ts'

/** The options that name the policies of an evaluation. */
export const policiesOptions: {
  readonly policies: Option<readonly string[]>
  readonly 'policy-decoding': Option<readonly Decoding[]>
  readonly 'beam-size': Option<number>
  readonly 'training-data': Option<readonly string[] | undefined>
} = {
  policies: list('checkpoints, NAME=FILE each; a row NAME each', {
    default: [],
    aliases: ['policy', 'checkpoints'],
  }),
  'policy-decoding': list<Decoding>(
    'how policies choose: greedy (the likeliest next one), beam (the likeliest sequence found); with both, rows NAME and NAME-beam',
    { default: ['greedy'], choices: ['greedy', 'beam'] },
  ),
  'beam-size': number('sequences that beam search keeps', {
    default: 5,
    min: 1,
    whole: true,
    aliases: ['num-beams'],
  }),
  'training-data': list(
    'RL data that policies were trained on; their images must not be those of questions',
    {
      shown: 'as the run directory of the checkpoint says',
      commas: false,
    },
  ),
}

/** The options of the selector `static-best`. */
export const staticOptions: {
  readonly 'validation-dataset': Option<string | undefined>
  readonly 'static-sets': Option<number>
  readonly 'static-questions': Option<number>
} = {
  'validation-dataset': text(
    'folder of the dataset on which static-best is chosen, never the evaluated one',
    {
      shown: 'a part of the pool, by image',
    },
  ),
  'static-sets': number('random sets that static-best is the best of, for every number of shots', {
    default: 16,
    min: 1,
    whole: true,
  }),
  'static-questions': number('validation questions that a set is tried on', {
    default: 100,
    min: 1,
    whole: true,
  }),
}
