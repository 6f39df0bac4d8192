import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Example } from '@lever/vqa-dataset'
import { makeBundle, openSplit, uriOf } from '../../../packages/server/test/support/world.ts'
import { lever } from './support/lever.ts'

const BIN = fileURLToPath(new URL('../bin/lever.js', import.meta.url))

let bundle: string
let examples: readonly Example[]
beforeAll(async () => {
  bundle = await makeBundle(60)
  ;({ examples } = await openSplit('test', 8))
})

interface Serving {
  readonly child: ChildProcess
  readonly url: string
  /** Exit code and signal, and what was printed. */
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** `lever serve` in a process of its own, listening. */
async function serve(args: readonly string[], env: Record<string, string> = {}): Promise<Serving> {
  const child = spawn(process.execPath, [BIN, 'serve', '--port', '0', '--json', ...args], {
    env: { ...process.env, ...env },
  })
  children.push(child)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  const url = await new Promise<string>((done, failed) => {
    child.stderr.on('data', (part: Buffer) => {
      stderr += part.toString()
      const found = /"event":"listening","url":"([^"]+)"/.exec(stderr)?.[1]
      if (found !== undefined) done(found)
    })
    child.on('close', () => failed(new Error(stderr)))
  })
  return { child, url, ended }
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

test('serves until SIGTERM, answers what is on the way, and says what it did', async () => {
  const { child, url, ended } = await serve(['--bundle', bundle])
  const [{ question }, image] = [examples[0]!, await uriOf(examples[0]!)]
  const content = [
    { type: 'image_url', image_url: { url: image } },
    { type: 'text', text: question },
  ]
  const body = { messages: [{ role: 'user', content }] }
  const asked = Array.from({ length: 12 }, () => post(`${url}/v1/chat/completions`, body))
  const first = await Promise.race(asked)
  const begun = Date.now()
  child.kill('SIGTERM')
  expect(first.status).toBe(200)
  const statuses = await Promise.all(asked.map(async (one) => (await one).status))
  expect(new Set(statuses)).toEqual(new Set([200]))
  const { code, stdout, stderr } = await ended
  expect(Date.now() - begun).toBeLessThan(10_000)
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    url,
    selector: 'policy',
    examples: 60,
    model: 'shapes-vqa',
    selections: 12,
  })
  const logged = stderr.split('\n').filter((line) => line.includes('"route":"/v1/chat/completions"'))
  expect(logged).toHaveLength(12)
  expect(stderr).not.toContain('base64')
})

test('no example that was acknowledged is lost when it is killed under load', async () => {
  const own = await makeBundle(30)
  const acknowledged: { id: number; question: string }[] = []
  let removed = 0
  const images = await Promise.all(examples.map(uriOf))
  for (let round = 0; round < 3; round++) {
    const { child, url, ended } = await serve(['--bundle', own, '--writable'])
    const enough = acknowledged.length + 15
    const client = async (lane: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const question = `is this of round ${round}, client ${lane}, try ${i}?`
        const body = { image: images[i % images.length], question, answer: 'yes' }
        const response = await post(`${url}/v1/examples`, body)
        expect(response.status).toBe(201)
        acknowledged.push({ ...((await response.json()) as { id: number }), question })
        if (acknowledged.length >= enough) child.kill('SIGKILL')
        if (lane !== 0 || i % 2 === 0) continue
        const gone = acknowledged[0]!
        const { status } = await fetch(`${url}/v1/examples/${gone.id}`, { method: 'DELETE' })
        if (status === 204) {
          acknowledged.splice(acknowledged.indexOf(gone), 1)
          removed += 1
        }
      }
    }
    await Promise.all(Array.from({ length: 6 }, (_, lane) => client(lane).catch(() => undefined)))
    await ended
  }
  const { child, url, ended } = await serve(['--bundle', own, '--writable'])
  const listed: { id: number; question: string }[] = []
  for (;;) {
    const response = await fetch(`${url}/v1/examples?offset=${listed.length}&limit=100`)
    const { examples: some } = (await response.json()) as { examples: typeof listed }
    listed.push(...some)
    if (some.length < 100) break
  }
  const questions = new Map(listed.map(({ id, question }) => [id, question]))
  expect(acknowledged.length).toBeGreaterThan(30)
  expect(removed).toBeGreaterThan(0)
  for (const { id, question } of acknowledged) expect(questions.get(id)).toBe(question)
  const last = acknowledged.at(-1)!
  const picture = await fetch(`${url}/v1/examples/${last.id}/image`)
  expect(picture.status).toBe(200)
  child.kill('SIGTERM')
  expect((await ended).code).toBe(0)
}, 240_000)

test('two processes serve one bundle and choose the same; one of them alone may write', async () => {
  const servers = [await serve(['--bundle', bundle]), await serve(['--bundle', bundle])]
  const body = { image: await uriOf(examples[3]!), question: examples[3]!.question }
  const chosen = await Promise.all(
    servers.map(async ({ url }) => (await post(`${url}/v1/select`, body)).json()),
  )
  expect(chosen[0]).toEqual(chosen[1])
  const own = await makeBundle(20)
  const writer = await serve(['--bundle', own, '--writable'])
  const second = await lever(['serve', '--bundle', own, '--writable', '--port', '0', '--check'])
  expect(second.code).toBe(2)
  expect(second.stderr).toMatch(/is being written by process \d+/)
  for (const { child, ended } of [...servers, writer]) {
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  }
}, 120_000)

test('--check says whether it would start', async () => {
  const ran = await lever(['serve', '--bundle', bundle, '--check', '--port', '0', '--quiet'])
  expect(ran.code).toBe(0)
  expect(ran.stdout).toMatch(
    /policy chooses from 60 examples, shapes-vqa answers; would serve at http:\/\/127/,
  )
})

test.each<[string, string[], RegExp]>([
  ['no bundle', ['--bundle', '/nowhere'], /nowhere/],
  ['an address that others reach, without a key', ['--host', '0.0.0.0'], /LEVER_SERVE_KEY/],
  ['a short key', ['--api-key', 'short'], /at least 16/],
  ['a key file that is not there', ['--api-key-file', '/nowhere'], /--api-key-file/],
  ['an upstream that is no URL', ['--upstream', 'localhost:8000'], /is not a URL/],
  ['a local model beside an upstream', ['--upstream', 'http://x/v1', '--model', 'y'], /the upstream answers/],
])('is refused with exit code 2: %s', async (_, args, reason) => {
  const given = args.includes('--bundle') ? args : ['--bundle', bundle, ...args]
  const ran = await lever(['serve', '--port', '0', '--check', ...given])
  expect(ran.stderr).toMatch(reason)
  expect(ran.code).toBe(2)
})
