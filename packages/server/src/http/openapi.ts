import { errorBody } from './errors.ts'
import { object, type JsonSchema, type Route } from './route.ts'

const ERROR: JsonSchema = object({
  error: object({
    message: { type: 'string' },
    type: { type: 'string' },
    param: { type: 'null' },
    code: { type: 'integer' },
  }),
})

/** The OpenAPI 3.1 document of some routes. */
export function openApi(routes: readonly Route[], { version }: { readonly version: string }): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'lever serve',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description: 'Chooses demonstrations for questions about images, and puts them before chat requests.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: ERROR },
    },
  }
}

function operation({ method, path, summary, access, params, query, body, responses }: Route): JsonSchema {
  const parameters = [...parametersOf(params, 'path', true), ...parametersOf(query, 'query', false)]
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^a-z0-9]+([a-z0-9]?)/gi, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    security: access === 'open' ? [] : [{}, { key: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, { description, type, schema = {} }]) => [
          status,
          { description, ...(type !== undefined && { content: { [type]: { schema } } }) },
        ]),
      ),
      default: {
        description: 'Refused; the message says why',
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Error' },
            example: errorBody(400, 'the image is not valid base64'),
          },
        },
      },
    },
  }
}

function parametersOf(
  schemas: Readonly<Record<string, JsonSchema>> | undefined,
  place: 'path' | 'query',
  required: boolean,
): JsonSchema[] {
  return Object.entries(schemas ?? {}).map(([name, schema]) => ({ name, in: place, required, schema }))
}
