import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { PromptWithImages } from '../src/index.ts'
import { isFault, readResponse } from '../src/openai/response.ts'
import { afterThinking } from '../src/openai/thinking.ts'
import { at } from './support/at-server.ts'
import { killServers } from './support/openai-server.ts'
import { makePrompts, makeWorld } from './support/world.ts'

let prompts: PromptWithImages[]
beforeAll(async () => {
  prompts = makePrompts(await makeWorld({ demonstrations: 2, queries: 2 }), { each: 1, shots: [1] })
})
afterAll(killServers)

const choice = (message: object, finish_reason: unknown = 'stop'): object => ({
  message: { role: 'assistant', ...message },
  finish_reason,
})
const part = (type: string, text: string): object => ({
  type,
  [type === 'thinking' ? 'thinking' : 'text']: text,
})

describe('through HTTP', () => {
  test.each([
    ['reasoning that ends', choice({ content: '<think>hmm, red?</think>\n\nRed ' })],
    ['reasoning that the chat template opened', choice({ content: 'It could be blue.</think>Red' })],
    ['several blocks', choice({ content: '<think>a</think> <think>b</think>Red' })],
    ['reasoning of its own', choice({ content: 'Red', reasoning_content: 'hmm' })],
    ['parts', choice({ content: [part('thinking', 'hmm'), part('text', 'Re'), part('text', 'd')] })],
    ['no finish reason', choice({ content: 'Red' }, null)],
  ])('%s: the answer', async (_, given) => {
    await at({ choice: given }, {}, async (model) => {
      for (const answer of await model.answer(prompts)) {
        expect(answer).not.toHaveProperty('error')
        expect(answer.text.toLowerCase()).toBe('red')
      }
      expect(model.stats()).toMatchObject({ failed: 0, retries: 0 })
    })
  })

  test.each([
    ['refusal', choice({ content: null, refusal: 'I cannot help' }), 'refuses to answer: I cannot help'],
    [
      'refusal as a part',
      choice({ content: [{ type: 'refusal', refusal: 'No.' }] }),
      'refuses to answer: No.',
    ],
    ['content filter', choice({ content: '' }, 'content_filter'), 'content_filter'],
    ['a tool', choice({ content: null, tool_calls: [{ id: 'a' }] }), 'called a tool'],
    [
      'cut reasoning',
      choice({ content: '<think>Let me look at' }, 'length'),
      'spent its tokens on reasoning',
    ],
    ['cut after reasoning', choice({ content: '<think>a</think>\n' }, 'length'), '--max-new-tokens'],
    ['reasoning without an end', choice({ content: '<think>Let me' }), 'enable_thinking'],
    [
      'reasoning of its own, cut',
      choice({ content: null, reasoning: 'Let me' }, 'length'),
      'spent its tokens',
    ],
    ['reasoning and no answer', choice({ content: null, reasoning_content: 'Red' }), 'wrote its reasoning'],
  ])('%s: fails its outcome with the reason, and is not repeated', async (_, given, reason) => {
    await at({ choice: given }, {}, async (model) => {
      for (const answer of await model.answer(prompts)) {
        expect(answer).toEqual({ text: '', raw: '', kind: 'refused', error: expect.stringContaining(reason) })
      }
      expect(model.stats()).toMatchObject({ failed: prompts.length, retries: 0 })
    })
  })

  test('what the server never gets right fails as transient, then ends the call', async () => {
    await at({ choice: choice({ content: null }) }, { retries: 2, concurrency: 1 }, async (model) => {
      const [answer] = await model.answer(prompts.slice(0, 1))
      expect(answer).toMatchObject({
        kind: 'transient',
        error: expect.stringContaining('3 x no text; the last:'),
      })
      await expect(model.answer([...prompts, ...prompts])).rejects.toThrow(
        /3 x no text.*what was measured is kept/,
      )
    })
  })

  test('an error within a response of status 200 counts by its own code', async () => {
    const error = (fields: object): string => JSON.stringify({ error: { message: 'why sk-key', ...fields } })
    const answers = async (body: string): Promise<unknown> =>
      at({ body, key: 'sk-key' }, { apiKey: 'sk-key', retries: 1 }, async (model) =>
        model.answer(prompts.slice(0, 1)),
      )
    expect(await answers(error({ code: 400 }))).toMatchObject([
      { kind: 'prompt', error: expect.stringContaining('refuses the prompt: 200 with error 400: why ***') },
    ])
    expect(await answers(error({ type: 'invalid_request_error' }))).toMatchObject([{ kind: 'prompt' }])
    expect(await answers(error({}))).toMatchObject([{ kind: 'transient' }])
    await expect(answers(error({ code: '503' }))).rejects.toThrow('2 x 200 with error 503')
    await expect(answers(error({ code: 401 }))).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  })

  test('an event stream is told at once', async () => {
    await at({ body: 'data: {"choices":[]}\n\ndata: [DONE]\n\n' }, {}, async (model) => {
      const answering = model.answer(prompts)
      await expect(answering).rejects.toThrow('answers with an event stream though none was asked for')
      await expect(answering).rejects.toMatchObject({ code: 'LEVER_INPUT' })
      expect(model.stats().retries).toBe(0)
    })
  })
})

test('where no text is wanted, neither reasoning nor a missing text is a fault', () => {
  const body = {
    choices: [choice({ content: null, reasoning: 'Let' }, 'length')],
    usage: { prompt_tokens: 7, completion_tokens: 1 },
  }
  expect(readResponse(body, false)).toMatchObject({ promptTokens: 7, text: '' })
  expect(isFault(readResponse(body, true))).toBe(true)
  expect(readResponse({ choices: [] }, false)).toMatchObject({ kind: 'server' })
})

test('an empty text is an answer; tokens spent on hidden reasoning are not', () => {
  const body = { choices: [choice({ content: '' })] }
  expect(readResponse(body, true)).toMatchObject({ text: '', raw: '' })
  const hidden = { completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 5 } }
  expect(readResponse({ ...body, usage: hidden }, true)).toMatchObject({ kind: 'refused' })
})

test('an answer keeps all that the model wrote beside what is scored', () => {
  const content = '<think>hmm</think>red'
  expect(readResponse({ choices: [choice({ content })] }, true)).toMatchObject({ text: 'red', raw: content })
})

test('any JSON is read without an exception', () => {
  const field = fc.oneof(fc.jsonValue(), fc.constant('<think>'), fc.constant('</think>'))
  const body = fc.record(
    {
      choices: fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.record(
            {
              message: fc.oneof(
                fc.jsonValue(),
                fc.record({ content: field, refusal: field, reasoning: field }),
              ),
              finish_reason: fc.oneof(fc.jsonValue(), fc.constantFrom('stop', 'length', 'abort')),
              error: fc.jsonValue(),
            },
            { requiredKeys: [] },
          ),
        ),
      ),
      error: fc.jsonValue(),
      usage: fc.jsonValue(),
      model: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), body), fc.boolean(), (value, wantsText) => {
      const read = readResponse(value, wantsText)
      if (isFault(read)) expect(typeof read.detail).toBe('string')
      else expect(read.text).not.toMatch(/^\s*<think>/)
    }),
  )
})

test('reasoning is cut off where it ends', () => {
  expect(afterThinking('red')).toBe('red')
  expect(afterThinking('a <think> b')).toBe('a <think> b')
  expect(afterThinking('◁think▷x◁/think▷red')).toBe('red')
  expect(afterThinking('[THINK]x[/THINK]red')).toBe('red')
  expect(afterThinking('\n<think>x')).toBeUndefined()
  expect(afterThinking('<think>a</think><think>b')).toBeUndefined()
})
