import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Answer, PromptWithImages } from '../src/index.ts'
import { systemClock } from '../src/openai/clock.ts'
import { at, open } from './support/at-server.ts'
import { killServers, startServer } from './support/openai-server.ts'
import { makePrompts, makeWorld } from './support/world.ts'

let prompts: PromptWithImages[]
let clean: Answer[]
beforeAll(async () => {
  prompts = makePrompts(await makeWorld({ demonstrations: 8, queries: 8 }), { each: 4, shots: [0, 1, 2, 3] })
  clean = await at({}, {}, (model) => model.answer(prompts))
})
afterAll(killServers)

describe('faults', () => {
  const kinds = [
    ...['429', '429-date', '503', '500', 'reset', 'truncated', 'slow'],
    ...['error-200', 'no-choices', 'no-text', 'abort', 'empty', 'html', 'null'],
  ]
  test.each(kinds)('%s before every answer: the same answers, in order, once', async (kind) => {
    const timeout = kind === 'slow' ? 400 : 60_000
    const some = kind === 'slow' || kind === '429-date' ? 12 : prompts.length
    await at({ faults: [kind], slow: 700 }, { timeout }, async (model, server) => {
      const progress: number[] = []
      const answers = await model.answer(prompts.slice(0, some), {
        onProgress: (done) => progress.push(done),
      })
      expect(answers).toEqual(clean.slice(0, some))
      expect(progress).toEqual(answers.map((_, i) => i + 1))
      const seen = await server.seen()
      expect(Object.keys(seen.answered)).toHaveLength(some)
      expect(seen.faults).toEqual({ [kind]: some })
      expect(model.stats()).toMatchObject({ prompts: some, failed: 0 })
      expect(model.stats().retries).toBeGreaterThanOrEqual(some)
    })
  })

  test('a server that is killed and started again: nothing lost, and the notices say so', async () => {
    const first = await startServer({ delay: 20 })
    const notices: string[] = []
    const model = await open({
      baseUrl: first.baseUrl,
      concurrency: 4,
      onNotice: (line) => notices.push(line),
    })
    let restarted: Promise<unknown> | undefined
    const answers = await model.answer(prompts, {
      onProgress(done) {
        if (done !== 20) return
        restarted = first
          .kill()
          .then(() => systemClock.sleep(150))
          .then(() => startServer({ port: first.port }))
      },
    })
    expect(answers).toEqual(clean)
    await restarted
    expect(notices[0]).toMatch(
      /does not answer \((ECONNRESET|ECONNREFUSED|other side closed|UND_ERR_SOCKET)\); trying again/,
    )
    expect(notices.at(-1)).toBe(`${first.baseUrl} answers again`)
    await model.close()
  })

  test('a server that comes back as another one ends the call', async () => {
    const first = await startServer({ delay: 20 })
    const model = await open({ baseUrl: first.baseUrl })
    const answering = model.answer(prompts, {
      onProgress(done) {
        if (done === 5) void first.kill().then(() => startServer({ port: first.port, version: '0.12.0' }))
      },
    })
    await expect(answering).rejects.toThrow('came back as another server: version 0.11.0 against 0.12.0')
  })

  test('gone for good: says what was tried', async () => {
    const server = await startServer()
    const model = await open({ baseUrl: server.baseUrl, retries: 3 })
    await server.kill()
    await expect(model.answer(prompts)).rejects.toThrow(
      /no answer from http:\/\/127\.0\.0\.1:\d+\/v1, tried in [\d.]+ s: .*\d x ECONN(REFUSED|RESET).*what was measured is kept/,
    )
    await at(
      { faults: new Array<string>(60).fill('503'), slow: 1 },
      { retries: 0, concurrency: 1 },
      async (busy) => {
        await expect(busy.answer(prompts)).rejects.toThrow(
          '1 x 503 Service Unavailable; the last: 503 Service Unavailable: Server is overloaded.',
        )
      },
    )
  })
})

test('a server that redirects ends the run at once, with the address; nothing is sent there', async () => {
  const other = await startServer()
  const movedTo = `${other.baseUrl}/chat/completions?token=secret`
  await at({ movedTo }, { retries: 5 }, async (model, server) => {
    const answering = model.answer(prompts)
    await expect(answering).rejects.toThrow(
      `${server.baseUrl} answers 307 Temporary Redirect: it is at ${other.baseUrl}/chat/completions; give that address as the base URL`,
    )
    await expect(answering).rejects.not.toThrow('secret')
    expect((await other.seen()).requests).toBe(0)
  })
})

describe('several servers', () => {
  test('share the work; one that is away at first or dies is done without', async () => {
    const servers = await Promise.all([startServer({ delay: 10 }), startServer({ delay: 10 })])
    const gone = await startServer()
    await gone.kill()
    const notices: string[] = []
    const model = await open({
      baseUrl: [...servers, gone].map(({ baseUrl }) => baseUrl),
      onNotice: (line) => notices.push(line),
    })
    expect(notices).toEqual([expect.stringContaining(`${gone.baseUrl} does not answer`)])
    expect(await model.answer(prompts)).toEqual(clean)
    const shares = await Promise.all(
      servers.map(async ({ seen }) => Object.keys((await seen()).answered).length),
    )
    expect(Math.min(...shares)).toBeGreaterThan(prompts.length / 4)
    const answers = await model.answer(prompts, {
      onProgress: (done) => void (done === 10 && servers[0].kill()),
    })
    expect(answers).toEqual(clean)
    await model.close()
  })

  test('of two models or versions are refused', async () => {
    const [a, b] = await Promise.all([startServer(), startServer({ version: '0.12.0' })])
    await expect(open({ baseUrl: [a.baseUrl, b.baseUrl] })).rejects.toThrow(
      'are not the same: version 0.11.0 against 0.12.0',
    )
  })

  test('no more requests at one time than allowed', async () => {
    await at({ delay: 5 }, { concurrency: 3 }, async (model, { seen }) => {
      expect(await model.answer(prompts)).toEqual(clean)
      expect((await seen()).mostRunning).toBe(3)
    })
  })
})
