import { POOL_METHOD_NAMES } from '@lever/rl-generate/methods'

/** The options that name a dataset. */
export const datasetOptions = {
  dataset: {
    type: 'text',
    about:
      'dataset folder with VQA, OK-VQA or A-OKVQA files, a questions.jsonl, or parquet files from the Hub; images in it, in ./images or in ../images',
  },
  questions: {
    type: 'text',
    about: 'questions file of the dataset, instead of --dataset',
    aliases: ['train-ques-path'],
  },
  annotations: {
    type: 'text',
    about: 'annotation file of the dataset, in the official format',
    aliases: ['train-ann-path'],
  },
  images: { type: 'text', about: 'image folder of the dataset', aliases: ['train-coco-root'] },
  allowOutsideImages: {
    type: 'flag',
    about: 'read images outside the folders of the dataset too: by absolute path, .. or symbolic link',
  },
  split: { type: 'text', about: 'split of the dataset, where a folder holds several: train, val, val2014' },
} as const

/** What to do about images that cannot be used. */
export const skipImagesOption = {
  skipUnreadableImages: {
    type: 'flag',
    about:
      'leave out questions whose image is missing, or has no row in the embeddings because it is unreadable',
    aliases: ['skip-missing-images'],
  },
} as const

/** The options that name the dataset demonstrations come from. */
export const poolDatasetOptions = {
  poolDataset: {
    type: 'text',
    about: 'folder of the dataset that demonstrations come from',
    unset: 'the dataset itself',
  },
  poolQuestions: { type: 'text', about: 'questions file of the pool, instead of --pool-dataset' },
  poolAnnotations: { type: 'text', about: 'annotation file of the pool' },
  poolImages: { type: 'text', about: 'image folder of the pool' },
  poolSplit: { type: 'text', about: 'split of the pool' },
} as const

const fixedPoolOptions = {
  embeddings: {
    type: 'text',
    about: 'embeddings of the dataset (lever embed)',
    aliases: ['query-emb', 'img-emb'],
  },
  poolEmbeddings: {
    type: 'text',
    about: 'embeddings of the pool, when it is another dataset',
    aliases: ['cand-emb'],
    onlyWith: { embeddings: true },
  },
  queries: {
    type: 'number',
    about: 'number of questions to take, as a random sample',
    min: 1,
    whole: true,
    unset: 'all',
    aliases: ['test-data-num', 'sample-num'],
  },
  poolSize: {
    type: 'number',
    about: 'pool size N',
    min: 1,
    whole: true,
    unset: '64, or that of --pool-file',
    aliases: ['candidate-num'],
  },
  poolFile: {
    type: 'text',
    about: 'file of pools shared by several commands: read if it exists, otherwise built and written',
    aliases: ['pools', 'sampler-cache'],
  },
} as const

type PoolMethodOption = {
  readonly poolMethod: { readonly type: 'text'; readonly about: string; readonly unset: string }
  readonly poolPolicy: typeof poolPolicyOption & {
    readonly onlyWith: { readonly poolMethod: readonly string[] }
  }
}

/** The policy that searches the library. */
export const poolPolicyOption = {
  type: 'text',
  about: 'checkpoint of architecture bi-encoder that searches the library, for pool method learned',
} as const

const poolMethodOption: PoolMethodOption = {
  poolMethod: {
    type: 'text',
    about: `how pools are built: ${POOL_METHOD_NAMES.filter((name) => name !== 'file').join(', ')}`,
    unset: 'that of --pool-file; else mixed, what the embeddings allow of it, or random without any',
  },
  poolPolicy: { ...poolPolicyOption, onlyWith: { poolMethod: ['learned'] } },
}

/** How the pools of labels are made: `lever sft --target agreement`. */
export const labelPoolOptions: {
  readonly queries: typeof fixedPoolOptions.queries
  readonly poolSize: typeof fixedPoolOptions.poolSize
} & PoolMethodOption = {
  queries: fixedPoolOptions.queries,
  poolSize: fixedPoolOptions.poolSize,
  ...poolMethodOption,
}

/** Embeddings, the sample of questions, and pools. */
export const poolOptions: typeof fixedPoolOptions & PoolMethodOption = {
  ...fixedPoolOptions,
  ...poolMethodOption,
}
