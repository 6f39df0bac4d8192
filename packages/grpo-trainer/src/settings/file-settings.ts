/** What is trained on. */
export const DATA_SETTINGS = {
  rlData: {
    type: 'list',
    about: 'RL data, JSON of any shape or a journal; several files are trained on jointly',
    required: true,
    aliases: ['beam-data'],
  },
  embeddings: {
    type: 'text',
    about: 'embeddings of the pool and the queries (lever embed)',
    required: true,
    aliases: ['img-emb', 'cand-emb'],
  },
  queryEmbeddings: {
    type: 'text',
    about: 'embeddings of the queries, when they come from another dataset',
    aliases: ['query-emb'],
  },
  valRatio: {
    type: 'number',
    about: 'share of the queries held out for validation, split by image',
    default: 0.1,
    min: 0,
    max: 0.9,
  },
  splitBy: {
    type: 'text',
    about:
      'validation split: data (the val_ids of the data if it has any, otherwise --val-ratio) or image (always --val-ratio)',
    choices: ['data', 'image'],
    unset: 'data',
  },
  requirePositiveQuery: { type: 'flag', about: 'leave out queries without a correct answer' },
} as const

/** What labels are imitated, beside or in place of the above. */
export const LABEL_SETTINGS = {
  rlData: {
    type: 'list',
    about:
      'InfoScore beams (of lever beams or of the original) or RL data; several files are trained on jointly',
    default: [],
    unset: 'none: --target agreement needs none',
    aliases: ['beams', 'beam-data'],
  },
  poolFile: {
    type: 'text',
    about: 'file of pools for beams that name none: the candidates of the sampler',
    aliases: ['pools', 'sampler-cache'],
  },
} as const

/** What the policy starts from. */
export const START_SETTINGS = {
  init: {
    type: 'text',
    about: 'checkpoint that training starts from',
    unset: 'a new policy',
    aliases: ['sft-ckpt', 'policy'],
  },
  architecture: {
    type: 'text',
    about: 'architecture of a new policy',
    notWith: { init: 'the checkpoint brings its own architecture; leave it out' },
  },
  hidden: {
    type: 'number',
    about: 'hidden size H of a new policy',
    min: 1,
    whole: true,
    notWith: { init: 'the checkpoint brings its own architecture; leave it out' },
  },
  memberBias: {
    type: 'flag',
    about:
      'give a new policy one learned number per demonstration of the library, added to its logit for every query alike: for a fixed library; shrunk by how often it was measured, 0 for newcomers',
    notWith: { init: 'the checkpoint brings its own; leave it out' },
  },
  numLayers: {
    type: 'number',
    about: 'cross-attention layers of a new policy',
    min: 1,
    whole: true,
    notWith: { init: 'the checkpoint brings its own architecture; leave it out' },
  },
} as const

/** How training runs. */
export const RUN_SETTINGS = {
  threads: { type: 'number', about: 'processor threads per operator', default: 1, min: 1, whole: true },
  device: {
    type: 'text',
    about: 'execution provider for training',
    choices: ['cpu', 'cuda', 'webgpu'],
    default: 'cpu',
  },
} as const

/** What training writes. */
export const OUTPUT_SETTINGS = {
  out: { type: 'text', about: 'run directory', required: true, aliases: ['output-dir'] },
  saveEvery: {
    type: 'number',
    about: 'steps between saves of the resumable state, besides the save after every epoch',
    min: 1,
    whole: true,
    unset: 'every epoch',
  },
  tensorboard: { type: 'flag', about: 'also write an event file for TensorBoard' },
  keepEpochs: {
    type: 'flag',
    about: 'keep a checkpoint of every epoch besides the best and the last',
    default: true,
  },
} as const

/** The setting that reaches whatever has no setting of its own. */
export const SET_SETTING = {
  type: 'list',
  about:
    'any training setting as PHASE.KEY=VALUE, such as grpo.form=cispo rce.top1=best; listwise+rce.weight=0.3 adds RCE to the listwise loss',
  default: [],
} as const

export const FLOOR_SETTING = {
  type: 'flag',
  about:
    'deliver a baseline, the policy that training started from, or a mixture, where the trained policy is no better on the validation queries',
  default: true,
} as const

export const SEED_SETTING = {
  type: 'number',
  about: 'seed of the new policy, the order of queries, dropout and the split',
  default: 0,
  min: 0,
  whole: true,
} as const
