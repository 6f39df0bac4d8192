/** Settings that several backends take. */
export const promptSettings = {
  template: {
    type: 'text',
    about: 'prompt template: shapes, lever-plus, lever-plus-system',
    unset: 'shapes for the bundled model, lever-plus for others',
  },
  maxNewTokens: {
    type: 'number',
    about: 'maximum length of an answer, in tokens',
    min: 1,
    whole: true,
    default: 5,
  },
} as const

/** Settings of local models that a server takes as far as to say what to do in their place. */
export const decodingSettings = {
  decodingBeams: {
    type: 'number',
    about: 'beams used to decode an answer: 1 (greedy) or 3, as in the Python original',
    min: 1,
    max: 3,
    whole: true,
    default: 1,
  },
  maxPixels: {
    type: 'number',
    about: 'maximum area of an image, in pixels; fewer pixels make fewer visual tokens',
    min: 1,
    whole: true,
    unset: "the model's own",
  },
  minPixels: {
    type: 'number',
    about: 'minimum area of an image, in pixels; needed where --max-pixels is below the minimum of the model',
    min: 1,
    whole: true,
    unset: "the model's own",
  },
} as const
