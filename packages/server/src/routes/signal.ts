import type { FastifyReply } from 'fastify'

/** Aborted when the client goes away before its answer is sent. */
export function signalOf({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort(new DOMException('the client is gone', 'AbortError'))
  })
  return gone.signal
}
