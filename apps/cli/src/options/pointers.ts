/** How many demonstrations a measured pointer has. */
export const pointerShotsOption = {
  shots: {
    type: 'number',
    about: 'demonstrations per pointer, K',
    default: 2,
    min: 1,
    whole: true,
    aliases: ['shot-num'],
  },
} as const

/** How many prompts a model is given at a time, where rewards are measured. */
export const batchSizeOption = {
  type: 'number',
  about: 'prompts per call of a local model; servers are asked one prompt at a time',
  min: 1,
  whole: true,
  default: 1024,
} as const
