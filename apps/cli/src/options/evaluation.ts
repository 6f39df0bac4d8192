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

/** The options of the selector `static`. */
export const staticOptions = {
  staticData: {
    type: 'list',
    about:
      'RL data of other questions from which static is estimated by main effects, in place of a search that asks the model',
    commas: false,
    unset: 'none: the best of --static-sets random sets',
  },
  staticReward: {
    type: 'text',
    about: 'what main effects are estimated from',
    choices: ['expected', 'accuracy'],
    unset: 'expected, where it was measured',
    onlyWith: { staticData: true },
  },
  validationDataset: {
    type: 'text',
    about: 'folder of the dataset on which static is chosen, never the evaluated one',
    unset: 'a part of the pool, split by image',
  },
  staticSets: {
    type: 'number',
    about: 'random sets that static is chosen from, for every number of shots',
    default: 16,
    min: 1,
    whole: true,
  },
  staticQuestions: {
    type: 'number',
    about: 'validation questions on which each set of static is tried',
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

/** The options of the expected accuracies beside the accuracies. */
export const expectedOptions = {
  expected: {
    type: 'flag',
    about:
      'also measure the expected accuracy E of every prompt (the sum over the human answers of accuracy x probability) where the model gives probabilities',
    default: true,
  },
  maxAnswers: {
    type: 'number',
    about:
      'different human answers that are scored for E, the most frequent first; the others count as wrong',
    min: 1,
    whole: true,
    unset: 'all',
  },
} as const

/** What is measured for the row of the oracle. */
export const oracleOptions = {
  oracleBudget: {
    type: 'number',
    about: 'sequences measured per question for the oracle at 2 shots and more',
    default: 48,
    min: 0,
    whole: true,
  },
  oracleLibrary: {
    type: 'number',
    about:
      'single demonstrations outside the pools, all questions together, up to which the oracle at 1 shot is over the whole library; 0 for the pools alone',
    default: 20_000,
    min: 0,
    whole: true,
  },
} as const
