/** The options that name the policies of an evaluation. */
export const policiesOptions = {
  policies: {
    type: 'list',
    about: 'policies to evaluate as NAME=CHECKPOINT; each becomes a row NAME',
    default: [],
    aliases: ['policy', 'checkpoints'],
  },
  policyDecoding: {
    type: 'list',
    about:
      'how policies decode: greedy (the likeliest next demonstration), beam (the likeliest sequence found); with both, rows NAME and NAME-beam',
    choices: ['greedy', 'beam'],
    default: ['greedy'],
    onlyWith: { policies: true },
  },
  beamSize: {
    type: 'number',
    about: 'sequences that beam search keeps',
    default: 5,
    min: 1,
    whole: true,
    aliases: ['num-beams'],
    onlyWith: { policyDecoding: ['beam'] },
  },
  trainingData: {
    type: 'list',
    about: 'RL data that the policies were trained on; the questions must not share its images',
    commas: false,
    unset: 'what the run directory of each checkpoint names',
    onlyWith: { policies: true },
  },
} as const

/** The options of the selector `static-best`. */
export const staticOptions = {
  validationDataset: {
    type: 'text',
    about: 'folder of the dataset on which static-best is chosen, never the evaluated one',
    unset: 'a part of the pool, split by image',
  },
  staticSets: {
    type: 'number',
    about: 'random sets that static-best is chosen from, for every number of shots',
    default: 16,
    min: 1,
    whole: true,
  },
  staticQuestions: {
    type: 'number',
    about: 'validation questions on which each set of static-best is tried',
    default: 100,
    min: 1,
    whole: true,
  },
} as const

/** An evaluation on measured pointers alone. */
export const offlineOptions = {
  fromRlData: {
    type: 'text',
    about:
      'RL data on whose measured pointers to evaluate, without a model; adds the selector methods (a row per proposal method)',
  },
  match: {
    type: 'text',
    about: 'what counts as measured: exactly this pointer, or the same examples in any order',
    choices: ['ordered', 'set'],
    default: 'ordered',
    onlyWith: { fromRlData: true },
  },
} as const
