import { randomUUID } from 'node:crypto'
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify'
import type { Logger } from 'pino'
import type { Gate } from './guard/gate.ts'
import { answerError, errorBody } from './http/errors.ts'
import { logAnswer, routeOf } from './http/log.ts'
import type { Metrics } from './http/metrics.ts'
import { Refusal } from './http/refusal.ts'
import { fastifyPath, type Route } from './http/route.ts'

export interface AppOptions {
  readonly log: Logger
  readonly gate: Gate
  readonly metrics: Metrics
  /** throw a Refusal */
  readonly checkHost: (header: string | undefined) => void
  readonly checkKey: ((header: string | undefined) => void) | undefined
  /** MiB */
  readonly maxBody: number
  readonly isStopping: () => boolean
}

/** Seconds until a request must be there as a whole. */
const REQUEST_SECONDS = 30
/** How often it is looked for requests that are late. */
const LATE_CHECK_SECONDS = 5
/** Longer than load balancers keep idle connections, so that they close them and not this server. */
const KEEP_ALIVE_SECONDS = 72

/** What every answer says to browsers; pages say more. */
const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** What is answered until the very end. */
const HEALTH: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** Bodies as they came, for requests that are passed on unchanged. */
export interface RawBodies {
  of(request: FastifyRequest): Buffer | undefined
}

/** The HTTP side of the server: checks, limits, errors and the log, around a table of routes. */
export function createApp(
  options: AppOptions,
  routesOf: (raw: RawBodies) => readonly Route[],
): FastifyInstance {
  const { log, maxBody, metrics, isStopping, checkHost } = options
  const logger: FastifyBaseLogger = log
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    return503OnClosing: false,
    bodyLimit: Math.floor(maxBody * 2 ** 20),
    requestTimeout: REQUEST_SECONDS * 1_000,
    http: {
      connectionsCheckingInterval: LATE_CHECK_SECONDS * 1_000,
      headersTimeout: REQUEST_SECONDS * 1_000,
      requestTimeout: REQUEST_SECONDS * 1_000,
    },
    keepAliveTimeout: KEEP_ALIVE_SECONDS * 1_000,
    forceCloseConnections: 'idle',
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    schemaErrorFormatter: (errors, place) => {
      const { instancePath, message = 'is wrong', params } = errors[0]!
      const extra = params['additionalProperty']
      const what = extra === undefined ? message : `has no field ${JSON.stringify(extra)}`
      return new Error(`${place}${instancePath.replaceAll('/', '.')} ${what}; see /openapi.json`)
    },
  })
  const raw = keepRawBodies(app)
  app.setErrorHandler((error: Error, request, reply) => answerError(error, request, reply, { maxBody }))
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send(errorBody(404, `there is no ${request.method} ${request.url.slice(0, 200)}; see /openapi.json`)),
  )
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(SAFE_HEADERS).header('x-request-id', request.id)
    checkHost(request.headers.host)
    if (isStopping() && !HEALTH.has(request.url)) {
      throw new Refusal(503, 'the server is stopping; ask another', { headers: { 'retry-after': '1' } })
    }
    done()
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isStopping()) void reply.header('connection', 'close')
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    logAnswer(log, request, reply)
    metrics.answered(routeOf(request), request.method, reply.statusCode, reply.elapsedTime / 1_000)
    done()
  })
  for (const route of routesOf(raw)) addRoute(app, route, options)
  return app
}

function addRoute(app: FastifyInstance, route: Route, { gate, checkKey }: AppOptions): void {
  const { method, access, params, query, body, handler } = route
  const strict = (properties: object): object => ({
    type: 'object',
    properties,
    additionalProperties: false,
  })
  app.route({
    method,
    url: fastifyPath(route),
    schema: {
      ...(body && { body }),
      ...(params && { params: strict(params) }),
      ...(query && { querystring: strict(query) }),
    },
    onRequest(request, reply, done) {
      if (access !== 'open') checkKey?.(request.headers.authorization)
      if (access === 'work') {
        gate.enter()
        reply.raw.once('close', () => gate.leave())
      }
      done()
    },
    handler: async (request, reply) => handler(request, reply),
  })
}

/** Takes JSON alone, and keeps the bytes of it until the request is answered. */
function keepRawBodies(app: FastifyInstance): RawBodies {
  const bodies = new WeakMap<FastifyRequest, Buffer>()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    bodies.set(request, body)
    void parse(request, body.toString('utf8'), done)
  })
  return { of: (request) => bodies.get(request) }
}
