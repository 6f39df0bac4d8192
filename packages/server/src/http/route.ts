import type { FastifyReply, FastifyRequest } from 'fastify'

/** A JSON Schema, as far as OpenAPI 3.1 and Fastify agree on it. */
export type JsonSchema = Readonly<Record<string, unknown>>

export interface ResponseDoc {
  readonly description: string
  /** of the body; without one it has none */
  readonly type?: string
  readonly schema?: JsonSchema
}

/** A route, from which both the server and its OpenAPI document are made. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** as in OpenAPI: /v1/examples/{id} */
  readonly path: string
  readonly summary: string
  /** open: nobody needs a key; work: counts as one of the requests that are worked on */
  readonly access: 'open' | 'key' | 'work'
  readonly params?: Readonly<Record<string, JsonSchema>>
  readonly query?: Readonly<Record<string, JsonSchema>>
  readonly body?: JsonSchema
  /** by status; refusals need not be listed */
  readonly responses: Readonly<Record<number, ResponseDoc>>
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => unknown
}

/** The path as Fastify writes it. */
export function fastifyPath({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

/** An object of these properties and no others. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = Object.keys(properties),
): JsonSchema {
  return { type: 'object', properties, required, additionalProperties: false }
}
