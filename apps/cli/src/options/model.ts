import {
  backendNames,
  backendsAbout,
  backendSettings,
  type BackendName,
  type BackendSchema,
} from '@lever/vqa-model/backends'

const nameOption = {
  model: {
    type: 'text',
    about: 'VQA model: a folder in the ONNX layout of the Hub, or the id of a downloaded or served model',
    unset: 'the bundled model',
    aliases: ['vqa-model'],
  },
} as const

type BackendOption = {
  readonly backend: {
    readonly type: 'text'
    readonly about: string
    readonly choices: readonly BackendName[]
    readonly default: 'onnx'
  }
}

const backendOption: BackendOption = {
  backend: {
    type: 'text',
    about: `backend of the model (${backendsAbout})`,
    choices: backendNames,
    default: 'onnx',
  },
}

/** The options that name a VQA model and how it runs. Those of a backend follow from its own settings. */
export const modelOptions: typeof nameOption & BackendOption & BackendSchema = {
  ...nameOption,
  ...backendOption,
  ...backendSettings,
}

/** The options that name a policy: a checkpoint, or the shape of a new one. */
export const policyOptions = {
  policy: {
    type: 'text',
    about: 'checkpoint of the policy that proposes',
    unset: 'a new, untrained policy',
    aliases: ['sft-ckpt', 'init', 'checkpoint'],
  },
  architecture: {
    type: 'text',
    about: 'architecture of a new policy',
    default: 'cross-attention',
    notWith: { policy: 'the checkpoint brings its own; leave it out' },
  },
  hidden: {
    type: 'number',
    about: 'hidden size H of a new policy',
    min: 1,
    whole: true,
    unset: "the architecture's own",
    notWith: { policy: 'the checkpoint brings its own; leave it out' },
  },
} as const

/** How a checkpoint is read that does not say everything about itself. */
export const loadingOptions = {
  architecture: {
    type: 'text',
    about: 'architecture of a checkpoint that does not name it',
    unset: 'recognised by its shapes',
  },
  heads: {
    type: 'number',
    about: 'attention heads of a checkpoint that does not give them',
    min: 1,
    whole: true,
    unset: '1',
  },
  allowMissing: {
    type: 'list',
    about: 'tensors that may be missing, as patterns with *; they get new values',
    default: [],
  },
  allowForeign: { type: 'list', about: 'extra tensors to ignore, as patterns with *', default: [] },
} as const

/** The options that let the workers of a queue answer. */
export const queueOptions = {
  queue: {
    type: 'text',
    about:
      'queue whose lever worker processes answer: env for the URL in LEVER_QUEUE, a file with the URL, or redis://host:port or postgres://host/database (with a password, anybody on the machine can see it); --device, --workers, --threads, --image-cache and --concurrency are then given to them',
  },
  queueName: {
    type: 'text',
    about: 'name of the queue, to keep fleets apart',
    default: 'lever',
    onlyWith: { queue: true },
  },
  jobSize: {
    type: 'number',
    about: 'prompts per job of the queue',
    min: 1,
    whole: true,
    default: 64,
    onlyWith: { queue: true },
  },
} as const

/** What a command with `--queue` leaves to the workers of the queue. */
export const NOT_WITH_QUEUE = { queue: 'lever worker processes run the model; give it to them' } as const
