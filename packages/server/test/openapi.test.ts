import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Example } from '@lever/vqa-dataset'
import { makeBundle, openSplit, uriOf } from './support/world.ts'
import { serve, type Started } from './support/serve.ts'

interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: { 'application/json': { schema: object } } }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >
}

let started: Started
let document: {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Error: object } }
}
let example: Example

beforeAll(async () => {
  started = await serve(await makeBundle(40), { writable: true, apiKey: 'a-key-of-some-length' })
  document = (await (await fetch(`${started.url}/openapi.json`)).json()) as typeof document
  example = (await openSplit('test', 1)).examples[0]!
})
afterAll(() => started.end())

/** A request of every operation that must be answered as its document says. */
async function sampleOf(id: string, image: string): Promise<{ path?: string; body?: unknown }> {
  const messages = [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: image } },
        { type: 'text', text: 'what is it?' },
      ],
    },
  ]
  const { question } = example
  const known = (await started.selector.list({ count: 1 }))[0]!.id
  const samples: Record<string, { path?: string; body?: unknown }> = {
    postV1Select: { body: { image, question, messages: true } },
    postV1ChatCompletions: { body: { messages } },
    postV1Examples: { body: { image, question, answer: 'red' } },
    getV1Examples: { path: '/v1/examples?offset=3&limit=5' },
    getV1ExamplesIdImage: { path: `/v1/examples/${known}/image?size=small` },
    deleteV1ExamplesId: { path: `/v1/examples/${known}` },
  }
  return samples[id] ?? {}
}

const operations = (): [path: string, method: string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]): [string, string, Operation] => [path, method, one]),
  )

test('every documented operation answers as the document says', async () => {
  expect(document.openapi).toBe('3.1.0')
  const image = await uriOf(example)
  const ajv = new Ajv2020({ strict: false })
  const ids = new Set<string>()
  for (const [path, method, { operationId, responses, requestBody }] of operations()) {
    ids.add(operationId)
    const sample = await sampleOf(operationId, image)
    if (requestBody !== undefined) {
      expect(ajv.validate(requestBody.content['application/json'].schema, sample.body)).toBe(true)
    }
    const response = await fetch(`${started.url}${sample.path ?? path}`, {
      method: method.toUpperCase(),
      headers: {
        authorization: 'Bearer a-key-of-some-length',
        ...(sample.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(sample.body !== undefined && { body: JSON.stringify(sample.body) }),
    })
    const said = responses[response.status]
    expect([operationId, response.status, said !== undefined]).toEqual([operationId, response.status, true])
    expect(response.status).toBeLessThan(300)
    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    for (const [documented, { schema }] of Object.entries(said!.content ?? {})) {
      expect(type).toMatch(new RegExp(`^${documented.replace('*', '.*')}$`))
      if (type !== 'application/json') continue
      ajv.validate(schema, await response.json())
      expect([operationId, ajv.errors]).toEqual([operationId, null])
    }
  }
  expect(ids.size).toBe(operations().length)
})

test('every operation that is not open wants the key, and refuses in the documented form', async () => {
  const ajv = new Ajv2020({ strict: false })
  for (const [path, method, { security }] of operations()) {
    const response = await fetch(`${started.url}${path.replace('{id}', '1')}`, {
      method: method.toUpperCase(),
    })
    const isOpen = security.length === 0
    expect([path, response.status === 401]).toEqual([path, !isOpen])
    if (isOpen) continue
    ajv.validate(document.components.schemas.Error, await response.json())
    expect(ajv.errors).toBeNull()
  }
})

test('no route is left out, and parameters are those of the path', () => {
  for (const [path, , { parameters = [] }] of operations()) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath)
  }
  const documented = operations().map(([path, method]) => `${method.toUpperCase()} ${path}`)
  expect(documented.sort()).toEqual([
    'DELETE /v1/examples/{id}',
    'GET /',
    'GET /healthz',
    'GET /metrics',
    'GET /openapi.json',
    'GET /page.css',
    'GET /page.js',
    'GET /readyz',
    'GET /v1/examples',
    'GET /v1/examples/{id}/image',
    'GET /v1/info',
    'GET /v1/models',
    'POST /v1/chat/completions',
    'POST /v1/examples',
    'POST /v1/select',
  ])
})
