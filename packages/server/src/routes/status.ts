import { selectorNames } from '@lever/selector'
import { object, type JsonSchema, type Route } from '../http/route.ts'
import type { Serving } from './serving.ts'

const TEXT = { type: 'string' } as const
const STATE: JsonSchema = object({ status: TEXT })

/** Health, metrics and what the server is. */
export function statusRoutes(serving: Serving): Route[] {
  const { selector, answerer, metrics, version, writable } = serving
  const { manifest } = selector
  return [
    {
      method: 'GET',
      path: '/healthz',
      summary: 'Is the process alive?',
      access: 'open',
      responses: { 200: { description: 'It is', type: 'application/json', schema: STATE } },
      handler: () => ({ status: 'alive' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'Should requests be sent here?',
      access: 'open',
      responses: {
        200: { description: 'Yes', type: 'application/json', schema: STATE },
        503: { description: 'Not any more: it is stopping', type: 'application/json', schema: STATE },
      },
      handler: (_request, reply) =>
        serving.isReady() ? { status: 'ready' } : reply.code(503).send({ status: 'stopping' }),
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'Counts and times for Prometheus',
      access: 'key',
      responses: { 200: { description: 'In the text format', type: 'text/plain' } },
      handler: async (_request, reply) =>
        reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics()),
    },
    {
      method: 'GET',
      path: '/v1/info',
      summary: 'What chooses and what answers',
      access: 'key',
      responses: {
        200: {
          description: 'Facts about the bundle and the server',
          type: 'application/json',
          schema: object({
            version: TEXT,
            selector: TEXT,
            note: { type: ['string', 'null'] },
            selectors: { type: 'array', items: TEXT },
            shots: { type: 'integer' },
            examples: { type: 'integer' },
            library: TEXT,
            model: TEXT,
            local: { type: 'boolean' },
            writable: { type: 'boolean' },
          }),
        },
      },
      handler: () => ({
        version,
        selector: manifest.selector.name,
        note: manifest.selector.note,
        selectors: selectorNames(manifest),
        shots: manifest.shots,
        examples: selector.size,
        library: manifest.library.name,
        model: answerer.name,
        local: answerer.isLocal,
        writable,
      }),
    },
  ]
}
