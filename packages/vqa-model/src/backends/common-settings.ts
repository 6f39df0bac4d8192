/** Settings that several backends take. */
export const promptSettings = {
  template: {
    type: 'text',
    about: 'prompt template (caption shows the context of an example in place of its image)',
    choices: ['shapes', 'lever-plus', 'lever-plus-system', 'caption'],
    unset: 'shapes for the bundled model, caption for text models, lever-plus for others',
  },
  system: {
    type: 'text',
    about: "system prompt in place of the template's; an empty text for none",
    unset: "the template's",
  },
  maxNewTokens: {
    type: 'number',
    about: 'maximum length of an answer, in tokens',
    min: 1,
    whole: true,
    default: 5,
  },
  stop: {
    type: 'list',
    about: 'texts that end an answer, \\n for the end of a line; an empty text for none',
    unset: "the template's: the end of a line for caption",
  },
  postprocess: {
    type: 'text',
    about:
      'what of a generated text is the answer: trim (all of it), lever-plus (up to the first Question, Answer, Short or comma), first-line, first-clause',
    choices: ['trim', 'lever-plus', 'first-line', 'first-clause'],
    unset: "the template's",
  },
} as const

/** Stop texts as they are given in options: `\n`, `\r` and `\t` are written out, and an empty text stands for none. */
export function stopsOf(stop: readonly string[] | undefined): { stop?: readonly string[] } {
  if (stop === undefined) return {}
  const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\' }
  const texts = stop.filter((text) => text !== '')
  return { stop: texts.map((text) => text.replace(/\\([nrt\\])/g, (_, name: string) => escapes[name]!)) }
}

/** The system prompt as options of a model have it: an empty text stands for none. */
export function systemOf(system: string | undefined): { system?: string | null } {
  return system === undefined ? {} : { system: system === '' ? null : system }
}

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
