import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Example } from '@lever/vqa-dataset'
import { openVqaModel, type VqaModel } from '@lever/vqa-model'
import OpenAI from 'openai'
import { makeBundle, MODEL, openSplit, uriOf } from './support/world.ts'
import { serve, type Started } from './support/serve.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

let bundle: string
let local: Started
let front: Started
let model: VqaModel
let examples: readonly Example[]

beforeAll(async () => {
  bundle = await makeBundle(120)
  ;({ examples } = await openSplit('test', 6))
  local = await serve(bundle)
  front = await serve(bundle, { upstream: `${local.url}/v1` })
  model = await openVqaModel({ backend: 'onnx', model: MODEL })
})
afterAll(async () => {
  await front.end()
  await local.end()
  await model.close()
})

const clientOf = ({ url }: { readonly url: string }): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'a-key-of-a-client', maxRetries: 0 })

type Messages = OpenAI.ChatCompletionMessageParam[]
async function messagesOf(example: Example): Promise<Messages> {
  const content = [
    { type: 'image_url' as const, image_url: { url: await uriOf(example) } },
    { type: 'text' as const, text: example.question },
  ]
  return [{ role: 'user', content }]
}

/** What the model answers after the demonstrations that the bundle chooses, asked without any server. */
async function expected(example: Example): Promise<{ text: string; ids: number[] }> {
  const { demonstrations } = await local.selector.select({
    image: await uriOf(example),
    question: example.question,
  })
  const shown = demonstrations.map((one) => ({ ...one, image: one.image! }))
  const [answer] = await model.answer([{ demonstrations: shown, query: example }])
  return { text: answer!.text, ids: demonstrations.map(({ id }) => id) }
}

describe.each([
  ['the local model', () => local],
  ['an upstream, which is a server of its own', () => front],
])('the openai client against %s', (_, started) => {
  test('gets the answer of the model after the chosen demonstrations, and which they were', async () => {
    const client = clientOf(started())
    for (const example of examples) {
      const wanted = await expected(example)
      const { data, response } = await client.chat.completions
        .create({ model: 'lever', messages: await messagesOf(example) })
        .withResponse()
      expect(data.choices[0]!.message.content).toBe(wanted.text)
      const { lever } = data as unknown as { lever: { demonstrations: { id: number }[] } }
      expect(lever.demonstrations.map(({ id }) => id)).toEqual(wanted.ids)
      expect(response.headers.get('lever-demonstrations')).toBe(wanted.ids.join(','))
      expect(response.headers.get('lever-selector')).toBe('policy')
    }
  })

  test('streams it', async () => {
    const [example] = examples
    const { data, response } = await clientOf(started())
      .chat.completions.create({ model: 'lever', messages: await messagesOf(example!), stream: true })
      .withResponse()
    const wanted = await expected(example!)
    expect(response.headers.get('lever-demonstrations')).toBe(wanted.ids.join(','))
    let text = ''
    const reasons: unknown[] = []
    const notes: unknown[] = []
    for await (const { choices, ...chunk } of data) {
      if ('lever' in chunk) notes.push(chunk.lever)
      text += choices[0]!.delta.content ?? ''
      reasons.push(choices[0]!.finish_reason)
    }
    expect(text).toBe(wanted.text)
    expect(reasons.at(-1)).toBe('stop')
    const demonstrations = wanted.ids.map((id) => expect.objectContaining({ id }))
    expect(notes).toEqual([{ selector: 'policy', demonstrations }])
  })

  test('streams it to the helpers of the client, which put the pieces together', async () => {
    const [example] = examples
    const messages = await messagesOf(example!)
    const stream = clientOf(started()).chat.completions.stream({ model: 'lever', messages })
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]!.message.content).toBe((await expected(example!)).text)
  })

  test('can say how many, by whom, and none', async () => {
    const client = clientOf(started())
    const messages = await messagesOf(examples[0]!)
    const ask = async (lever: object): Promise<{ demonstrations: { id: number }[]; selector: unknown }> => {
      const answer = await client.chat.completions.create({ model: 'lever', messages, lever } as never)
      return (answer as unknown as { lever: never }).lever
    }
    expect(await ask({ shots: 0 })).toMatchObject({ demonstrations: [], selector: null })
    const three = await ask({ shots: 3, selector: 'rices-both' })
    expect(three.demonstrations).toHaveLength(3)
    expect(three.selector).toBe('rices-both')
    const others = await ask({
      shots: 3,
      selector: 'rices-both',
      exclude: three.demonstrations.map(({ id }) => id),
    })
    expect(others.demonstrations.map(({ id }) => id)).not.toEqual(three.demonstrations.map(({ id }) => id))
  })

  test('lists the model', async () => {
    const { data } = await clientOf(started()).models.list()
    expect(data.map(({ id }) => id)).toEqual(['shapes-vqa'])
  })
})

test.each<[string, Record<string, unknown>, RegExp]>([
  ['temperature', { temperature: 0.7 }, /temperature 0/],
  ['several answers', { n: 2 }, /one answer/],
  ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, /no tools/],
  ['probabilities', { logprobs: true }, /log-probabilities/],
  ['a shorter answer', { max_tokens: 1 }, /--max-new-tokens 1/],
  ['JSON', { response_format: { type: 'json_object' } }, /plain text/],
])('the local model refuses %s and says why', async (_, field, reason) => {
  const messages = await messagesOf(examples[0]!)
  const asked = clientOf(local).chat.completions.create({ model: 'lever', messages, ...field } as never)
  await expect(asked).rejects.toThrow(reason)
  await expect(asked).rejects.toBeInstanceOf(OpenAI.BadRequestError)
})

test('the local model refuses chats that are no question about an image', async () => {
  const client = clientOf(local)
  const ask = (messages: Messages): Promise<unknown> =>
    client.chat.completions.create({ model: 'lever', messages })
  await expect(ask([{ role: 'user', content: 'hello' }])).rejects.toThrow(/0 images/)
  const [asked] = await messagesOf(examples[0]!)
  await expect(ask([{ role: 'system', content: 'Be brief.' }, asked!])).rejects.toThrow(/system prompt/)
  await expect(ask([asked!, { role: 'assistant', content: 'red' }])).rejects.toThrow(/not of the user/)
})

test('the example of the documentation answers, and says what was shown', async () => {
  const page = readFileSync(join(ROOT, 'docs/serving.md'), 'utf8')
  const code = readFileSync(join(ROOT, 'docs/examples/ask.mjs'), 'utf8')
  expect(page).toContain(`\`\`\`js\n${code.split('\n').slice(1).join('\n')}\`\`\``)
  const example = examples[2]!
  const args = [join(ROOT, 'docs/examples/ask.mjs'), example.image!, example.question, `${local.url}/v1`]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { text, ids } = await expected(example)
  const [answer, ...shown] = stdout.trimEnd().split('\n')
  expect(answer).toBe(text)
  expect(shown.map((line) => Number(line.split(' ')[1]))).toEqual(ids)
})

interface Got {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

describe('what an upstream gets and says', () => {
  const got: Got[] = []
  let answer: (response: ServerResponse) => void
  let upstream: Server
  let started: Started

  beforeAll(async () => {
    upstream = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        got.push({ url: request.url!, headers: request.headers, body: Buffer.concat(parts) })
        answer(response)
      })
    })
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
    const { port } = upstream.address() as AddressInfo
    started = await serve(bundle, { upstream: `http://127.0.0.1:${port}/v1/`, timeout: 1 })
  })
  afterAll(async () => {
    await started.end()
    upstream.closeAllConnections()
    upstream.close()
  })

  const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => {
    return (response: ServerResponse): void =>
      void response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body))
  }
  const post = (body: string): Promise<Response> =>
    fetch(`${started.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer of-the-client', 'x-own': '1' },
      body,
    })

  test.each<[string, Record<string, unknown>, string]>([
    ['without an image', { messages: [{ role: 'user', content: 'hi' }] }, 'the request has no image'],
    [
      'with tools',
      { messages: [{ role: 'user', content: 'hi' }], tools: [{ type: 'function' }] },
      'the request has tools',
    ],
    [
      'with the results of tools',
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'tool', content: '1' },
        ],
      },
      'the request has tools',
    ],
  ])('requests %s come as they were sent, to the byte', async (_, body, reason) => {
    answer = json({ choices: [] }, 200, { 'x-theirs': '2' })
    const text = `{"big":12345678901234567890,"one":1.0, ${JSON.stringify(body).slice(1)}`
    const response = await post(text)
    const { url, headers, body: sent } = got.at(-1)!
    expect(sent.toString()).toBe(text)
    expect(url).toBe('/v1/chat/completions')
    expect(headers.authorization).toBe('Bearer of-the-client')
    expect(headers['x-own']).toBe('1')
    expect(response.headers.get('x-theirs')).toBe('2')
    expect(response.headers.get('lever-unchanged')).toBe(reason)
    expect(await response.json()).toEqual({
      choices: [],
      lever: { selector: null, unchanged: reason, demonstrations: [] },
    })
  })

  test('a question about an image comes after its demonstrations, other fields as they were', async () => {
    answer = json({ choices: [] })
    const before = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'hi' },
    ]
    const messages = [...before, ...(await messagesOf(examples[0]!))]
    await post(JSON.stringify({ messages, temperature: 0.3, seed: 7, lever: { shots: 2 } }))
    const sent = JSON.parse(got.at(-1)!.body.toString()) as { messages: typeof messages }
    expect(sent).toEqual({ temperature: 0.3, seed: 7, messages: sent.messages })
    expect(sent.messages.slice(0, 3)).toEqual(before)
    expect(sent.messages.slice(3).map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
    ])
    expect(sent.messages.at(-1)).toEqual(messages.at(-1))
  })

  test('errors and their headers come back as they were', async () => {
    const error = { error: { message: 'slow down', code: 'rate_limit' } }
    answer = json(error, 429, { 'retry-after': '17' })
    const response = await post('{"messages":[{"role":"user","content":"hi"}]}')
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '17'])
    expect(await response.json()).toEqual(error)
    answer = (raw) => void raw.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    const moved = await fetch(`${started.url}/v1/models`, { redirect: 'manual' })
    expect(moved.status).toBe(302)
  })

  test('a stream comes piece by piece, as it is written but for the field in its first event', async () => {
    const pieces = ['data: {"a":1}\n\n', 'data: {"b":2}\n\n', 'data: [DONE]\n\n']
    let write: ((text: string | null) => void) | undefined
    answer = (raw) => {
      raw.writeHead(200, { 'content-type': 'text/event-stream' }).write(pieces[0])
      write = (text) => {
        if (text === null) raw.end()
        else raw.write(text)
      }
    }
    const response = await post('{"stream":true,"messages":[{"role":"user","content":"hi"}]}')
    const reader = response.body!.getReader()
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) write!(piece)
      const { value } = (await reader.read()) as { value?: Uint8Array }
      const noted = {
        a: 1,
        lever: { selector: null, unchanged: 'the request has no image', demonstrations: [] },
      }
      expect(new TextDecoder().decode(value)).toBe(i === 0 ? `data: ${JSON.stringify(noted)}\n\n` : piece)
    }
    write!(null)
    expect((await reader.read()).done).toBe(true)
  })

  test('a client that goes away ends the request to the upstream', async () => {
    const closed = new Promise((done) => {
      answer = (raw) => raw.on('close', () => done(raw.writableFinished))
    })
    const abort = new AbortController()
    const count = got.length
    const asked = fetch(`${started.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"messages":[{"role":"user","content":"hi"}]}',
      signal: abort.signal,
    })
    while (got.length === count) await new Promise((done) => setTimeout(done, 5))
    abort.abort()
    await expect(asked).rejects.toThrow()
    expect(await closed).toBe(false)
  })

  test('one that is silent, or gone, is said to be', async () => {
    answer = () => undefined
    const late = await post('{"messages":[{"role":"user","content":"hi"}]}')
    expect([late.status, await late.text()]).toEqual([504, expect.stringContaining('within 1 s')])
    const nowhere = await serve(bundle, { upstream: 'http://127.0.0.1:9/v1' })
    try {
      const gone = await fetch(`${nowhere.url}/v1/models`)
      expect([gone.status, await gone.text()]).toEqual([502, expect.stringContaining('cannot be reached')])
    } finally {
      await nowhere.end()
    }
  })

  test('the key of this server is not sent on; that of the upstream is', async () => {
    answer = json({ data: [] })
    const { port } = upstream.address() as AddressInfo
    const apiKey = 'the-key-of-this-server'
    const keyed = await serve(
      bundle,
      { upstream: `http://127.0.0.1:${port}/v1`, apiKey },
      { LEVER_UPSTREAM_KEY: 'theirs' },
    )
    try {
      await fetch(`${keyed.url}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } })
      expect(got.at(-1)!.headers.authorization).toBe('Bearer theirs')
      expect(JSON.stringify(got.at(-1)!.headers)).not.toContain(apiKey)
    } finally {
      await keyed.end()
    }
  })
})
