/** What of a bundle is optional. */
export const bundleOutputOptions = {
  out: { type: 'text', about: 'new folder', required: true },
  copyImages: { type: 'flag', about: 'put the images in', default: true },
  thumbnails: { type: 'flag', about: 'put small images in, which the page shows', default: true },
  copyEmbedder: { type: 'flag', about: "put the embedder's model in", default: true },
  licence: {
    type: 'list',
    commas: false,
    about: 'notes on licences that the bundle carries along',
    default: [],
  },
} as const

/** @param from examples from which there is an index without asking */
export function indexOption(from: number): {
  readonly type: 'flag'
  readonly about: string
  readonly unset: string
} {
  return { type: 'flag', about: 'make an index, for large libraries', unset: `from ${from} examples on` }
}
