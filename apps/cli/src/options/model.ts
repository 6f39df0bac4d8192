/** The options that name a VQA model and how it runs. */
export const modelOptions = {
  model: {
    type: 'text',
    about: 'VQA model: a folder in the ONNX layout of the Hub, or the id of a downloaded or served model',
    unset: 'the bundled model',
    aliases: ['vqa-model'],
  },
  backend: {
    type: 'text',
    about:
      'backend of the model (openai: servers such as vLLM and SGLang, key in LEVER_API_KEY or OPENAI_API_KEY; scripted: a module whose default export answers)',
    choices: ['onnx', 'openai', 'scripted'],
    default: 'onnx',
  },
  baseUrl: {
    type: 'list',
    about: 'URLs of servers that share the work, such as http://127.0.0.1:8000/v1',
    onlyWith: { backend: ['openai'] },
  },
  concurrency: {
    type: 'number',
    about: 'upper limit for concurrent requests per server; the number in use adapts to the server',
    min: 1,
    whole: true,
    default: 64,
    onlyWith: { backend: ['openai'] },
  },
  timeout: {
    type: 'number',
    about: 'timeout of a request to a server, in seconds, after which it is repeated',
    min: 0.1,
    max: 300,
    default: 120,
    onlyWith: { backend: ['openai'] },
  },
  extraBody: {
    type: 'text',
    about: 'JSON object with extra fields for every request to a server; part of the protocol',
    onlyWith: { backend: ['openai'] },
  },
  template: {
    type: 'text',
    about: 'prompt template: shapes, lever-plus, lever-plus-system',
    unset: 'shapes for the bundled model, lever-plus for others',
    onlyWith: { backend: ['onnx', 'openai'] },
  },
  dtype: {
    type: 'text',
    about: 'dtype of the ONNX files: q4, or one per file as in decoder_model_merged=q4,vision_encoder=fp16',
    default: 'fp32',
    onlyWith: { backend: ['onnx'] },
  },
  device: {
    type: 'text',
    about: 'device of the model: cpu, cuda, cuda:1, webgpu, dml, coreml or auto',
    default: 'cpu',
    onlyWith: { backend: ['onnx'] },
  },
  workers: {
    type: 'number',
    about: 'worker threads, each with its own copy of the model',
    min: 0,
    whole: true,
    default: 2,
    onlyWith: { backend: ['onnx'] },
  },
  threads: {
    type: 'number',
    about: 'processor threads per worker; 0 lets the command choose',
    min: 0,
    whole: true,
    default: 0,
    onlyWith: { backend: ['onnx'] },
  },
  maxNewTokens: {
    type: 'number',
    about: 'maximum length of an answer, in tokens',
    min: 1,
    whole: true,
    default: 5,
    onlyWith: { backend: ['onnx', 'openai'] },
  },
  decodingBeams: {
    type: 'number',
    about: 'beams used to decode an answer: 1 (greedy) or 3, as in the Python original',
    min: 1,
    max: 3,
    whole: true,
    default: 1,
    onlyWith: { backend: ['onnx', 'openai'] },
  },
  maxPixels: {
    type: 'number',
    about: 'maximum area of an image, in pixels; fewer pixels make fewer visual tokens',
    min: 1,
    whole: true,
    unset: "the model's own",
    onlyWith: { backend: ['onnx', 'openai'] },
  },
  imageCache: {
    type: 'number',
    about: 'disk space for encoded images kept for later runs, in MiB',
    min: 0,
    whole: true,
    default: 0,
    onlyWith: { backend: ['onnx'] },
  },
} as const

/** How the model runs where it may run on several devices. */
export const fleetOptions = {
  device: {
    type: 'text',
    about:
      'device of the model: cpu, cuda, cuda:1, webgpu, dml, coreml or auto; or several, as in cuda:0,cuda:1',
    default: 'cpu',
    onlyWith: { backend: ['onnx'] },
  },
  workers: {
    type: 'number',
    about: 'worker threads per device, each with its own copy of the model',
    min: 1,
    whole: true,
    default: 2,
    onlyWith: { backend: ['onnx'] },
  },
} as const

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
