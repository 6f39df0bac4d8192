import { connect } from 'node:net'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Example } from '@lever/vqa-dataset'
import { makeBundle, openSplit, uriOf } from './support/world.ts'
import { serve, type Started } from './support/serve.ts'

let bundle: string
let started: Started
let examples: readonly Example[]
let image: string

beforeAll(async () => {
  bundle = await makeBundle(120)
  ;({ examples } = await openSplit('test', 8))
  image = await uriOf(examples[0]!)
  started = await serve(bundle)
})
afterAll(() => started.end())

interface Said {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}
/** What the answers have that these tests look at. */
interface Body {
  readonly error: { readonly message: string }
  readonly selector: string
  readonly demonstrations: readonly { readonly id: number }[]
  readonly messages: readonly { readonly content: readonly unknown[] }[]
  readonly examples: readonly { readonly id: number }[]
  readonly total: number
  readonly id: number
}

async function ask(
  path: string,
  { body, url = started.url, method = body === undefined ? 'GET' : 'POST', headers = {} }: AskOptions = {},
): Promise<Said> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson === true ? JSON.parse(text) : text) as Body,
  }
}
interface AskOptions {
  body?: unknown
  url?: string
  method?: string
  headers?: Record<string, string>
}
const why = ({ status, body }: Said): [number, string] => [status, body.error.message]

describe('select', () => {
  test('gives what the bundle chooses, with scores and without paths of this machine', async () => {
    const { question } = examples[0]!
    const own = await started.selector.select({ image, question })
    const { status, body } = await ask('/v1/select', { body: { image, question } })
    expect(status).toBe(200)
    expect(body.selector).toBe('policy')
    expect(body.demonstrations.map(({ id }) => id)).toEqual(own.demonstrations.map(({ id }) => id))
    expect(Object.keys(body.demonstrations[0]!).sort()).toEqual([
      'answer',
      'id',
      'question',
      'score',
      'similarity',
    ])
  })

  test('takes another selector, more shots and exclusions, and gives the messages', async () => {
    const asked = { image, question: examples[0]!.question, selector: 'rices-both', shots: 3 }
    const first = await ask('/v1/select', { body: asked })
    const ids = first.body.demonstrations.map(({ id }) => id)
    expect(ids).toHaveLength(3)
    const second = await ask('/v1/select', { body: { ...asked, exclude: ids, messages: true } })
    for (const { id } of second.body.demonstrations) expect(ids).not.toContain(id)
    expect(second.body.messages).toHaveLength(7)
    expect(second.body.messages.at(-1)!.content.at(-1)).toEqual({ type: 'text', text: asked.question })
  })

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a path', { image: '/etc/passwd' }, /no files are opened here/],
    ['a relative path', { image: 'images/1.png' }, /no files are opened here/],
    ['a file URL', { image: 'file:///etc/passwd' }, /is not http or https/],
    ['a host that is not allowed', { image: 'http://127.0.0.1:9/x.png' }, /may not be asked here/],
    ['the metadata of a cloud', { image: 'http://169.254.169.254/latest' }, /may not be asked here/],
    ['no base64', { image: 'data:image/png;base64,@@' }, /not base64/],
    ['no image', { image: 'data:text/plain;base64,aGVsbG8=' }, /it is not an image/],
    ['an unknown field', { imge: 'x' }, /has no field "imge"/],
    ['an unknown selector', { selector: 'best' }, /best/],
    ['too many shots', { shots: 200 }, /200 demonstrations were asked for/],
    ['no shots', { shots: 0 }, /body.shots must be >= 1/],
    ['a question of blanks', { question: '  ' }, /no question/],
  ])('refuses %s and says why', async (_, field, reason) => {
    const [status, message] = why(await ask('/v1/select', { body: { image, question: 'what?', ...field } }))
    expect(message).toMatch(reason)
    expect(status).toBe(400)
  })

  test('an image of an allowed host is fetched, a redirection elsewhere is not followed', async () => {
    const bytes = Buffer.from(image.split(',')[1]!, 'base64')
    const hits: string[] = []
    const host = await listen((url) => {
      hits.push(url)
      if (url === '/moved') return { status: 302, headers: { location: 'http://127.0.0.1:1/secret' } }
      return { status: 200, headers: { 'content-type': 'image/png' }, body: bytes }
    })
    const second = await serve(bundle, { imageHosts: [new URL(host.url).host] })
    try {
      const { question } = examples[0]!
      const { body, status } = await ask('/v1/select', {
        url: second.url,
        body: { image: `${host.url}/a.png`, question },
      })
      expect(status).toBe(200)
      const whole = await ask('/v1/select', { body: { image, question } })
      expect(body.demonstrations).toEqual(whole.body.demonstrations)
      const moved = await ask('/v1/select', {
        url: second.url,
        body: { image: `${host.url}/moved`, question },
      })
      expect(why(moved)).toEqual([400, expect.stringContaining('may not be asked here')])
      expect(hits).toEqual(['/a.png', '/moved'])
    } finally {
      await second.end()
      host.server.close()
    }
  })
})

describe('what is let in', () => {
  test('bodies: JSON alone, not too large, not empty', async () => {
    expect(why(await ask('/v1/select', { body: '{' }))[0]).toBe(400)
    expect(
      why(
        await ask('/v1/select', {
          method: 'POST',
          body: 'image=x',
          headers: { 'content-type': 'text/plain' },
        }),
      ),
    ).toEqual([415, expect.stringContaining('application/json')])
    const small = await serve(bundle, { maxBody: 0.01, maxImage: 0.001 })
    try {
      const big = { image: `data:image/png;base64,${'A'.repeat(20_000)}`, question: 'x' }
      expect(why(await ask('/v1/select', { url: small.url, body: big }))).toEqual([
        413,
        expect.stringContaining('--max-body'),
      ])
      const middle = { image: `data:image/png;base64,${'A'.repeat(5_000)}`, question: 'x' }
      expect(why(await ask('/v1/select', { url: small.url, body: middle }))).toEqual([
        413,
        expect.stringContaining('--max-image'),
      ])
    } finally {
      await small.end()
    }
  })

  test('names of other sites are refused on a loopback address', async () => {
    const status = (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(started.url)
        const options = { port, host: '127.0.0.1', path: '/healthz', headers: { host } }
        httpRequest(options, (response) => resolve(response.resume().statusCode!))
          .on('error', reject)
          .end()
      })
    expect(await status('evil.example')).toBe(403)
    expect(await status('localhost:8080')).toBe(200)
    expect(await status('127.0.0.1')).toBe(200)
  })

  test('a key is asked of everything but health and the page', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lever-key-'))
    writeFileSync(join(folder, 'key'), 'a-key-of-some-length\n')
    const closed = await serve(bundle, { apiKeyFile: join(folder, 'key') })
    const { url } = closed
    try {
      for (const path of ['/healthz', '/readyz', '/', '/page.js', '/page.css', '/openapi.json']) {
        expect((await ask(path, { url })).status).toBe(200)
      }
      for (const path of ['/metrics', '/v1/info', '/v1/models', '/v1/examples']) {
        expect((await ask(path, { url })).status).toBe(401)
        const headers = { authorization: 'Bearer a-key-of-some-length' }
        expect((await ask(path, { url, headers })).status).toBe(200)
      }
      const wrong = { authorization: 'Bearer a-key-of-some-lengti' }
      expect(why(await ask('/v1/info', { url, headers: wrong }))).toEqual([
        401,
        expect.stringContaining('not the one of this server'),
      ])
      const lines = JSON.stringify(closed.log)
      expect(lines).not.toContain('some-length')
    } finally {
      await closed.end()
    }
  })

  test('is refused at start: a short key, no key for an address that others reach, a port in use', async () => {
    await expect(serve(bundle, { apiKey: 'short' })).rejects.toThrow(/at least 16/)
    await expect(serve(bundle, { host: '0.0.0.0' })).rejects.toThrow(/--without-key/)
    await expect(serve(bundle, { port: Number(new URL(started.url).port) })).rejects.toThrow(/cannot listen/)
    await expect(serve(bundle, { upstream: 'vllm:8000' })).rejects.toThrow(/is not a URL/)
  })

  test('one request more than the limit is answered with 429', async () => {
    const narrow = await serve(bundle, { maxRequests: 1 })
    try {
      const { question } = examples[0]!
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => ask('/v1/select', { url: narrow.url, body: { image, question } })),
      )
      const statuses = answers.map(({ status }) => status)
      expect(new Set(statuses)).toEqual(new Set([200, 429]))
      const full = answers.find(({ status }) => status === 429)!
      expect(full.headers.get('retry-after')).toBe('1')
      expect((await ask('/healthz', { url: narrow.url })).status).toBe(200)
      expect((await ask('/v1/select', { url: narrow.url, body: { image, question } })).status).toBe(200)
    } finally {
      await narrow.end()
    }
  })

  test('examples are read only, unless the server is writable', async () => {
    const { question } = examples[0]!
    const added = await ask('/v1/examples', { body: { image, question, answer: 'red' } })
    expect(why(added)).toEqual([403, expect.stringContaining('--writable')])
    expect(why(await ask('/v1/examples/1000', { method: 'DELETE' }))[0]).toBe(403)
  })
})

test('examples that are added are chosen, on disk, and gone when removed', async () => {
  const own = await makeBundle(40)
  const writable = await serve(own, { writable: true })
  const { url } = writable
  const { question } = examples[0]!
  const added = await ask('/v1/examples', { url, body: { image, question, answer: 'sotrix' } })
  expect(added.status).toBe(201)
  const { id } = added.body
  const others = (await ask('/v1/examples?limit=40', { url })).body.examples
  const exclude = others.map((one) => one.id)
  const body = { image: await uriOf(examples[7]!), question, shots: 1, exclude }
  expect((await ask('/v1/select', { url, body })).body.demonstrations).toMatchObject([
    { id, answer: 'sotrix' },
  ])
  const picture = await fetch(`${url}/v1/examples/${id}/image`)
  expect(picture.headers.get('content-type')).toBe('image/png')
  expect(Buffer.from(await picture.arrayBuffer()).toString('base64')).toBe(image.split(',')[1])
  expect((await ask('/v1/examples?limit=200', { url })).body.total).toBe(41)
  await writable.end()
  const again = await serve(own, { writable: true })
  try {
    const listed = await ask('/v1/examples?limit=200', { url: again.url })
    expect(listed.body.examples.at(-1)).toEqual({ id, question, answer: 'sotrix' })
    expect((await ask(`/v1/examples/${id}`, { url: again.url, method: 'DELETE' })).status).toBe(204)
    expect(why(await ask(`/v1/examples/${id}`, { url: again.url, method: 'DELETE' }))[0]).toBe(404)
    expect((await ask('/v1/examples', { url: again.url })).body.total).toBe(40)
  } finally {
    await again.end()
  }
})

test('the log has one line a request, without images, questions and answers', async () => {
  const before = started.log.length
  await ask('/v1/select', { body: { image, question: 'a very private question' } })
  await ask('/v1/examples/12345678?token=secret')
  await new Promise((done) => setTimeout(done, 50))
  const lines = started.log.slice(before)
  expect(lines.map(({ level, route, status }) => [level, route, status])).toEqual([
    ['info', '/v1/select', 200],
    ['warn', 'none', 404],
  ])
  expect(JSON.stringify(lines)).not.toMatch(/private|base64|secret/)
})

test('metrics count requests by route, and choices by selector', async () => {
  await ask('/v1/select', { body: { image, question: 'what is it?' } })
  const { body } = await ask('/metrics')
  expect(body).toMatch(
    /lever_http_request_seconds_count\{route="\/v1\/select",method="POST",status="200"\} \d+/,
  )
  expect(body).toMatch(/lever_choice_seconds_count\{selector="policy"\} \d+/)
  expect(body).toContain('lever_library_examples 120')
  expect(body).toMatch(/process_resident_memory_bytes \d+/)
})

describe('stopping', () => {
  test('requests on the way are answered, new ones are not, and what hangs is cut', async () => {
    const release: (() => void)[] = []
    const slow = createServer((request, response) => {
      request.resume()
      release.push(() => response.setHeader('content-type', 'application/json').end('{"choices":[]}'))
    })
    await new Promise<void>((done) => slow.listen(0, '127.0.0.1', done))
    const { port } = slow.address() as AddressInfo
    const stopping = await serve(bundle, { upstream: `http://127.0.0.1:${port}/v1` })
    const body = { messages: [{ role: 'user', content: 'hello' }] }
    const first = ask('/v1/chat/completions', { url: stopping.url, body })
    const hanging = ask('/v1/chat/completions', { url: stopping.url, body }).catch(() => 'cut')
    while (release.length < 2) await new Promise((done) => setTimeout(done, 10))
    const begun = Date.now()
    const closed = stopping.close(1)
    const { hostname, port: own } = new URL(stopping.url)
    const refused = new Promise((done) =>
      connect(Number(own), hostname)
        .on('error', () => done(true))
        .on('connect', () => done(false)),
    )
    expect(await refused).toBe(true)
    release[0]!()
    expect((await first).status).toBe(200)
    expect(await hanging).toBe('cut')
    await closed
    expect(Date.now() - begun).toBeLessThan(3_000)
    await stopping.end()
    slow.closeAllConnections()
    slow.close()
  })
})

interface Answering {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Buffer
}
async function listen(answer: (url: string) => Answering): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { status, headers = {}, body } = answer(request.url!)
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}
