import type { FastifyReply, FastifyRequest } from 'fastify'
import { pino, type DestinationStream, type Logger } from 'pino'

/**
 * The log: one line of JSON a request, with neither images, questions, answers nor keys. Nothing of a request is written
 * but its method, the route it matched, its id, and how it ended.
 */
export function createLog(level: string, stream: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, req: () => undefined, res: () => undefined },
      redact: ['*.authorization', '*.headers', '*.body'],
    },
    stream,
  )
}

/** The line of a request. */
export function logAnswer(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode: status } = reply
  const line = {
    reqId: request.id,
    method: request.method,
    route: routeOf(request),
    status,
    ms: Math.round(reply.elapsedTime * 10) / 10,
  }
  if (status >= 500) log.error(line, 'answered')
  else if (status >= 400) log.warn(line, 'refused')
  else log.info(line, 'answered')
}

/** The route that a request matched, never the path that it named. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none'
}
