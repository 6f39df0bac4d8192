import type { FastifyReply, FastifyRequest } from 'fastify'
import { putBefore } from '../chat/put-before.ts'
import { readChat, type ChatBody } from '../chat/read-chat.ts'
import { noteHeaders, type ChatCall, type ChatReply, type LeverNote } from '../chat/reply.ts'
import { object, type Route } from '../http/route.ts'
import { openImage } from '../images/open-image.ts'
import { choose, noted, requireImages } from './choose.ts'
import { EXCLUDE, MESSAGES, NOTE, QUERY_ID, SELECTOR, SHOTS } from './schemas.ts'
import type { Serving } from './serving.ts'
import { signalOf } from './signal.ts'

/** @param rawOf the body of a request as it came */
export function chatRoutes(
  serving: Serving,
  rawOf: (request: FastifyRequest) => Buffer | undefined,
): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      summary: 'Answer a chat, with demonstrations before its question about an image',
      access: 'work',
      body: {
        type: 'object',
        required: ['messages'],
        properties: {
          messages: MESSAGES,
          model: { type: 'string' },
          stream: { type: ['boolean', 'null'] },
          lever: object(
            { shots: { ...SHOTS, minimum: 0 }, selector: SELECTOR, exclude: EXCLUDE, id: QUERY_ID },
            [],
          ),
        },
        additionalProperties: true,
      },
      responses: {
        200: {
          description:
            'The answer of the model; with stream, events as they come, the field lever in the first. The headers lever-demonstrations and lever-selector say it too.',
          type: 'application/json',
          schema: {
            type: 'object',
            required: ['choices', 'lever'],
            properties: { choices: { type: 'array' }, lever: NOTE },
            additionalProperties: true,
          },
        },
      },
      async handler(request, reply) {
        const body = request.body as ChatBody
        const signal = signalOf(reply)
        const { lever, ...fields } = body
        const demonstrated = await demonstrate(serving, body)
        const { note, messages = fields.messages } = demonstrated
        if (note.selector === null) serving.metrics.unchanged()
        const isSame = note.selector === null && lever === undefined
        const call: ChatCall = {
          body: { ...fields, messages },
          raw: isSame ? rawOf(request) : undefined,
          headers: request.headers,
          note,
          signal,
        }
        return send(reply, await serving.answerer.complete(call), noteHeaders(note))
      },
    },
    {
      method: 'GET',
      path: '/v1/models',
      summary: 'The models that answer',
      access: 'work',
      responses: {
        200: {
          description: 'What the upstream says of its models, or the local model',
          type: 'application/json',
          schema: { type: 'object', required: ['data'], properties: { data: { type: 'array' } } },
        },
      },
      handler: async (request, reply) =>
        send(reply, await serving.answerer.models(request.headers, signalOf(reply))),
    },
  ]
}

async function demonstrate(
  serving: Serving,
  body: ChatBody,
): Promise<{ note: LeverNote; messages?: ChatBody['messages'] }> {
  const asked = readChat(body)
  if ('unchanged' in asked) return { note: { selector: null, ...asked, demonstrations: [] } }
  const image = await openImage(asked.image, serving.images)
  const selection = await choose(serving, { image, question: asked.question }, body.lever ?? {})
  requireImages(selection)
  const messages = putBefore(asked.before, await selection.messages.openai())
  return { note: { selector: selection.selector.name, demonstrations: noted(selection) }, messages }
}

function send(
  reply: FastifyReply,
  { status, headers, body }: ChatReply,
  more: Readonly<Record<string, string>> = {},
): FastifyReply {
  return reply.code(status).headers(headers).headers(more).send(body)
}
