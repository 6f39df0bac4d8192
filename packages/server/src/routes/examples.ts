import { imageFormat } from '@lever/vqa-model'
import { Refusal } from '../http/refusal.ts'
import { object, type Route } from '../http/route.ts'
import { openImage } from '../images/open-image.ts'
import { EXAMPLE, ID, IMAGE, QUESTION } from './schemas.ts'
import type { Serving } from './serving.ts'

const MOST_LISTED = 200
const ID_TEXT = { type: 'string', pattern: '^-?\\d{1,16}$' } as const

export function exampleRoutes(serving: Serving): Route[] {
  return [listRoute(serving), imageRoute(serving), addRoute(serving), removeRoute(serving)]
}

function listRoute({ selector }: Serving): Route {
  return {
    method: 'GET',
    path: '/v1/examples',
    summary: 'List the examples of the library',
    access: 'work',
    query: {
      offset: { type: 'string', pattern: '^\\d{1,9}$' },
      limit: { type: 'string', pattern: '^\\d{1,3}$' },
    },
    responses: {
      200: {
        description: 'Examples in the order of the library',
        type: 'application/json',
        schema: object({ total: { type: 'integer' }, examples: { type: 'array', items: EXAMPLE } }),
      },
    },
    async handler(request) {
      const { offset = '0', limit = '24' } = request.query as Partial<Record<string, string>>
      const found = await selector.list({ from: Number(offset), count: Math.min(MOST_LISTED, Number(limit)) })
      const examples = found.map(({ id, question, answer }) => ({ id, question, answer }))
      return { total: selector.size, examples }
    },
  }
}

function imageRoute({ selector }: Serving): Route {
  return {
    method: 'GET',
    path: '/v1/examples/{id}/image',
    summary: 'The image of an example',
    access: 'work',
    params: { id: ID_TEXT },
    query: { size: { type: 'string', enum: ['small', 'full'] } },
    responses: { 200: { description: 'The image file', type: 'image/*' } },
    async handler(request, reply) {
      const { id } = request.params as { id: string }
      const { size = 'full' } = request.query as { size?: string }
      const example = await selector.example(Number(id))
      if (example === undefined) throw new Refusal(404, `there is no example ${id} in the library`)
      const [first, second] = [example.image, example.thumbnail]
      const path = size === 'small' ? (second ?? first) : (first ?? second)
      if (path === null) throw new Refusal(404, `the bundle holds no image of example ${id}`)
      const bytes = await selector.file(path)
      return reply
        .header('content-type', `image/${imageFormat(bytes) ?? 'octet-stream'}`)
        .header('cache-control', 'private, max-age=3600')
        .send(bytes)
    },
  }
}

function addRoute(serving: Serving): Route {
  return {
    method: 'POST',
    path: '/v1/examples',
    summary: 'Add a solved example (with --writable)',
    access: 'work',
    body: object({ image: IMAGE, question: QUESTION, answer: { ...QUESTION, maxLength: 1_024 } }),
    responses: {
      201: {
        description: 'It is on disk, and chosen from now on',
        type: 'application/json',
        schema: object({ id: ID }),
      },
    },
    async handler(request, reply) {
      requireWritable(serving)
      const { image, question, answer } = request.body as Record<'image' | 'question' | 'answer', string>
      const bytes = await openImage(image, serving.images)
      const { id } = await serving.selector.add({ image: bytes, question, answer })
      return reply.code(201).send({ id })
    },
  }
}

function removeRoute(serving: Serving): Route {
  return {
    method: 'DELETE',
    path: '/v1/examples/{id}',
    summary: 'Remove an example (with --writable)',
    access: 'work',
    params: { id: ID_TEXT },
    responses: { 204: { description: 'It is gone from disk too' } },
    async handler(request, reply) {
      requireWritable(serving)
      const { id } = request.params as { id: string }
      if (!(await serving.selector.remove(Number(id)))) {
        throw new Refusal(404, `there is no example ${id} in the library`)
      }
      return reply.code(204).send()
    },
  }
}

function requireWritable({ writable }: Serving): void {
  if (writable) return
  throw new Refusal(403, 'this server only reads its library; start it with --writable to change it')
}
