/** The options of the commands that train, besides rewards and phases. */
export const trainingDataOptions = {
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

/** What the policy starts from. */
export const startOptions = {
  init: {
    type: 'text',
    about: 'checkpoint that training starts from',
    unset: 'a new policy',
    aliases: ['sft-ckpt', 'policy'],
  },
  architecture: {
    type: 'text',
    about: 'architecture of a new policy',
    unset: 'that of the preset',
    notWith: { init: 'the checkpoint brings its own architecture; leave it out' },
  },
  hidden: {
    type: 'number',
    about: 'hidden size H of a new policy',
    min: 1,
    whole: true,
    unset: 'that of the preset',
    notWith: { init: 'the checkpoint brings its own architecture; leave it out' },
  },
  numLayers: {
    type: 'number',
    about: 'cross-attention layers of a new policy',
    min: 1,
    whole: true,
    unset: 'that of the preset',
    notWith: { init: 'the checkpoint brings its own architecture; leave it out' },
  },
} as const

/** How training runs. */
export const runOptions = {
  threads: { type: 'number', about: 'processor threads per operator', default: 1, min: 1, whole: true },
  device: {
    type: 'text',
    about: 'execution provider for training',
    choices: ['cpu', 'cuda', 'webgpu'],
    default: 'cpu',
  },
} as const

/** What training writes. */
export const trainingOutputOptions = {
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

/** The options of phases: those of the original, and the usual ones. Everything else is reached by --set. */
export const phaseOptions = {
  rceEpochs: { type: 'number', about: 'epochs of RCE', min: 0, whole: true, unset: 'those of the preset' },
  rceLr: { type: 'number', about: 'learning rate of RCE', min: 0, unset: 'that of the preset' },
  rceTempStart: {
    type: 'number',
    about: 'temperature of the RCE weights at the first step',
    min: 0,
    unset: 'that of the preset',
  },
  rceTempEnd: {
    type: 'number',
    about: 'temperature of the RCE weights at the last step',
    min: 0,
    unset: 'that of the preset',
  },
  rceUseRawReward: { type: 'flag', about: 'weigh pointers in RCE by raw rewards' },
  rceUseNormalizedReward: {
    type: 'flag',
    about: 'weigh pointers in RCE by normalised rewards, which is the default',
  },
  useTop1Only: { type: 'flag', about: 'train RCE on the best pointer of each group only' },
  listwiseEpochs: {
    type: 'number',
    about: 'epochs of the listwise objective',
    min: 0,
    whole: true,
    unset: 'those of the preset',
  },
  listwiseLr: {
    type: 'number',
    about: 'learning rate of the listwise objective',
    min: 0,
    unset: 'that of the preset',
  },
  listwiseTemp: {
    type: 'number',
    about: 'temperature of the target of the listwise objective',
    min: 0,
    unset: 'that of the preset',
  },
  grpoEpochs: {
    type: 'number',
    about: 'epochs of GRPO, which comes last',
    min: 0,
    whole: true,
    unset: 'those of the preset',
  },
  grpoLr: { type: 'number', about: 'learning rate of GRPO', min: 0, unset: 'that of the preset' },
  klBeta: {
    type: 'number',
    about: 'coefficient of the KL term in GRPO',
    min: 0,
    unset: 'that of the preset',
  },
  disableAdaptiveKl: { type: 'flag', about: 'keep the KL coefficient of GRPO constant' },
  usePpoClipOnly: { type: 'flag', about: 'train GRPO without the KL term' },
  clipEpsilon: {
    type: 'number',
    about: 'clipping range of the probability ratio in GRPO, below 1',
    min: 0,
    unset: 'that of the preset',
  },
  numIterations: {
    type: 'number',
    about: 'epochs of GRPO per old policy, out of those that --grpo-epochs gives',
    min: 1,
    whole: true,
    unset: 'those of the preset',
  },
  importanceSamplingMode: {
    type: 'text',
    about:
      'weighting of GRPO by the old policy over the proposing one: none, or weights above the cap truncated or masked to 0',
    choices: ['none', 'truncate', 'mask'],
    unset: 'that of the preset',
  },
  importanceSamplingCap: {
    type: 'number',
    about: 'largest importance weight in GRPO, where the mean of a group is 1',
    min: 0,
    unset: 'that of the preset',
  },
  freezeBackbone: {
    type: 'flag',
    about: 'freeze the input projections during GRPO',
    aliases: ['freeze-backbone-in-grpo'],
  },
  batchSize: { type: 'number', about: 'queries per step', min: 1, whole: true, unset: 'that of the preset' },
  dropout: {
    type: 'number',
    about:
      'dropout of features while training, in every phase including GRPO (for attention weights: --set *.attentionDropout=0.1)',
    min: 0,
    max: 0.99,
    unset: 'that of the preset',
  },
  weightDecay: { type: 'number', about: 'weight decay of AdamW', min: 0, unset: 'that of the preset' },
  clipNorm: {
    type: 'number',
    about: 'upper limit of the gradient norm',
    min: 0,
    unset: 'that of the preset',
  },
  labelSmoothing: {
    type: 'number',
    about: 'label smoothing of RCE and SFT',
    min: 0,
    max: 0.99,
    unset: 'that of the preset',
  },
  schedule: {
    type: 'text',
    about: 'learning rate schedule of a phase',
    choices: ['constant', 'cosine'],
    unset: 'that of the preset',
  },
  warmup: {
    type: 'number',
    about: 'share of the steps over which the learning rate warms up',
    min: 0,
    max: 0.99,
    unset: 'that of the preset',
  },
  patience: {
    type: 'number',
    about: 'epochs without a better validation after which a phase stops early',
    min: 1,
    whole: true,
    unset: 'no early stop',
  },
  set: {
    type: 'list',
    about: 'any training setting as PHASE.KEY=VALUE, such as grpo.form=cispo rce.top1=best',
    default: [],
  },
} as const
