import { isInputError } from '@lever/durable-files'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './refusal.ts'

/** The body of every refusal, in the form of the OpenAI API. */
export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: null
    readonly code: number
  }
}

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
}

export function errorBody(status: number, message: string): ErrorBody {
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
  return { error: { message, type, param: null, code: status } }
}

/** Turns what a handler throws into a response. Only what is no refusal is logged as a fault, with its stack. */
export function answerError(
  thrown: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
  limits: { readonly maxBody: number },
): void {
  const refusal = asRefusal(thrown, limits)
  if (refusal === undefined) request.log.error({ err: thrown, reqId: request.id }, 'fault')
  const { status, message, headers } =
    refusal ??
    new Refusal(500, `the server failed at this request; its log says why under the id ${request.id}`)
  if (reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  void reply.code(status).headers(headers).send(errorBody(status, message))
}

function asRefusal(thrown: FastifyError | Error, { maxBody }: { maxBody: number }): Refusal | undefined {
  if (thrown instanceof Refusal) return thrown
  if (isInputError(thrown)) return new Refusal(400, thrown.message)
  const { code, statusCode = 500, message } = thrown as FastifyError
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Refusal(413, `the body is larger than ${maxBody} MiB; send a smaller image (or --max-body)`)
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Refusal(415, 'the body must be JSON, with content-type: application/json')
  }
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return new Refusal(400, 'the body is empty; send JSON')
  if (statusCode < 500) return new Refusal(statusCode, message)
  return undefined
}
