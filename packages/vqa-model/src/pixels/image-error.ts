/** An image that cannot be used; the path says which. */
export class ImageError extends Error {
  readonly path: string

  constructor(path: string, what: string, cause: unknown) {
    super(`vqa-model: cannot ${what}: ${(cause as Error).message}`, { cause })
    this.path = path
  }
}
