/** A request that is refused: why, and what to do. Its message is meant for whoever sent it. */
export class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, options: RefusalOptions = {}) {
    super(message, options)
    this.name = 'Refusal'
    this.status = status
    this.headers = options.headers ?? {}
  }
}

export interface RefusalOptions extends ErrorOptions {
  readonly headers?: Readonly<Record<string, string>>
}
