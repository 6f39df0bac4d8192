import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { copyFile, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  openVqaModel,
  type OpenaiOptions,
  type VqaAnswer,
  type VqaModel,
  type VqaPrompt,
} from '../src/index.ts'
import { systemClock } from '../src/openai/clock.ts'
import { killServers, startServer, type ServerConfig } from './support/openai-server.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

/** Waits are a fiftieth as long, and always the longest. */
const hurried = {
  ...systemClock,
  sleep: (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    systemClock.sleep(milliseconds / 50, signal),
  random: (): number => 0.99,
}

let prompts: VqaPrompt[]
let clean: VqaAnswer[]

const open = (options: OpenaiOptions): Promise<VqaModel> =>
  openVqaModel({ backend: 'openai', clock: hurried, ...options })

/** Opens a model at a new server, runs, closes. */
async function at<T>(
  config: ServerConfig,
  options: Partial<OpenaiOptions>,
  run: (model: VqaModel, server: Awaited<ReturnType<typeof startServer>>) => Promise<T>,
): Promise<T> {
  const server = await startServer(config)
  const model = await open({ baseUrl: server.baseUrl, ...options })
  try {
    return await run(model, server)
  } finally {
    await model.close()
    await server.kill()
  }
}

beforeAll(async () => {
  prompts = makePrompts(await makeWorld({ demonstrations: 8, queries: 8 }), { each: 4, shots: [0, 1, 2, 3] })
  clean = await at({}, {}, (model) => model.answer(prompts))
})
afterAll(killServers)

test('the prompt is the chat of the template, images in place, greedy', async () => {
  const prompt = prompts[2]!
  const [a, b] = prompt.demonstrations
  const asUrl = async (path: string): Promise<object> => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${(await readFile(path)).toString('base64')}` },
  })
  const text = (value: string): object => ({ type: 'text', text: value })
  await at(
    {},
    { template: 'shapes', system: 'There are {shots}.', stop: ['\n'], extraBody: { top_k: 1 } },
    async (model, { seen }) => {
      await model.answer([prompt])
      const { messages, ...request } = (await seen()).last
      expect(request).toEqual({
        model: 'toy-vlm',
        temperature: 0,
        seed: 0,
        max_tokens: 5,
        stop: ['\n'],
        repetition_penalty: 1,
        top_k: 1,
      })
      expect(messages).toEqual([
        { role: 'system', content: 'There are 2.' },
        { role: 'user', content: [await asUrl(a!.image), text(a!.question)] },
        { role: 'assistant', content: a!.answer },
        { role: 'user', content: [await asUrl(b!.image), text(b!.question)] },
        { role: 'assistant', content: b!.answer },
        { role: 'user', content: [await asUrl(prompt.query.image), text(prompt.query.question)] },
      ])
    },
  )
  await at({ ownedBy: 'somebody' }, {}, async (model, { seen }) => {
    await model.answer([prompt])
    const { messages, ...request } = (await seen()).last
    expect(request).not.toHaveProperty('repetition_penalty')
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          await asUrl(a!.image),
          text(`Question:${a!.question} Short answer:${a!.answer}`),
          await asUrl(b!.image),
          text(`Question:${b!.question} Short answer:${b!.answer}`),
          await asUrl(prompt.query.image),
          text(`Question:${prompt.query.question} Short answer:`),
        ],
      },
    ])
  })
})

test('the protocol tells servers, versions and requests apart, and holds no key', async () => {
  const hashes = new Set<string>()
  const key = 'sk-very-secret'
  const variants: [ServerConfig, Partial<OpenaiOptions>][] = [
    [{}, {}],
    [{ version: '0.12.0' }, {}],
    [{ ownedBy: 'sglang', version: '0.5.2' }, {}],
    [{ model: 'other' }, {}],
    [{}, { seed: 1 }],
    [{}, { extraBody: { mm_processor_kwargs: { max_pixels: 200_704 } } }],
  ]
  for (const [config, options] of variants) {
    await at({ ...config, key }, { ...options, apiKey: key }, (model) => {
      hashes.add(model.protocolHash)
      expect(JSON.stringify(model.protocol)).not.toContain(key)
      expect(model.protocol.server!.facts).toMatchObject({
        server: config.ownedBy ?? 'vllm',
        version: config.version ?? '0.11.0',
        root: `/models/${model.name}`,
      })
      return Promise.resolve()
    })
  }
  expect(hashes.size).toBe(variants.length)
})

describe('faults', () => {
  const kinds = ['429', '429-date', '503', '500', 'reset', 'truncated', 'slow']
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

describe('what is not repeated', () => {
  test('a prompt beyond the context fails alone', async () => {
    await at({ contextLength: 70 }, {}, async (model, { seen }) => {
      const answers = await model.answer(prompts)
      answers.forEach((answer, i) => {
        if (prompts[i]!.demonstrations.length < 2) expect(answer).toEqual(clean[i])
        else
          expect(answer.error).toMatch(
            /refuses the prompt: 400 Bad Request: This model's maximum context length is 70/,
          )
      })
      expect(model.stats().retries).toBe(0)
      expect((await seen()).requests).toBe(prompts.length + 2)
    })
  })

  test('a prompt that breaks the server fails alone, a server that breaks ends the call', async () => {
    const [bad] = prompts
    await at({ broken: bad!.query.question }, { retries: 2 }, async (model) => {
      const answers = await model.answer([bad!, ...prompts.slice(10, 20)])
      expect(answers[0]!.error).toMatch(
        /no answer from .*: 3 x 500 Internal Server Error; the last: 500 .*: Internal Server Error/,
      )
      expect(answers.slice(1)).toEqual(clean.slice(10, 20))
    })
    await at({ broken: 'messages' }, { retries: 1 }, async (model) => {
      await expect(model.answer(prompts)).rejects.toThrow('2 x 500 Internal Server Error')
    })
  })

  test('a wrong key, model or address', async () => {
    const { baseUrl, port } = await startServer({ key: 'right' })
    const wrong = open({ baseUrl, apiKey: 'sk-wrong' })
    await expect(wrong).rejects.toThrow(
      /401 Unauthorized: Incorrect API key provided: \*\*\*\..*LEVER_API_KEY/,
    )
    await expect(wrong).rejects.toMatchObject({ code: 'LEVER_INPUT' })
    await expect(open({ baseUrl, apiKey: 'right', model: 'llava' })).rejects.toThrow(
      'serves the models toy-vlm, not llava',
    )
    await expect(open({ baseUrl: `http://127.0.0.1:${port}`, apiKey: 'right' })).rejects.toThrow(
      `do you mean http://127.0.0.1:${port}/v1?`,
    )
    for (const url of ['localhost:8000', 'ftp://x/v1', '']) {
      await expect(open({ baseUrl: url })).rejects.toThrow(`the base URL "${url}" is none`)
    }
    await expect(open({ baseUrl: 'http://a:secret@x/v1' })).rejects.toThrow(
      'the base URL of x holds more than',
    )
    for (const apiKey of ['', 'sk-a b', 'sk-a\n']) {
      await expect(open({ baseUrl, apiKey })).rejects.toThrow('the API key is empty or holds white space')
    }
    await expect(open({ baseUrl, timeout: 400_000 })).rejects.toThrow('waits 300000 ms at most')
    await at({ answersAs: 'llava' }, {}, async (model) => {
      await expect(model.answer(prompts)).rejects.toThrow('answers as llava and was asked as toy-vlm')
    })
  })

  test('an image that is too large', async () => {
    const { size } = await stat(prompts[0]!.query.image)
    await at({}, { maxImageBytes: size - 1 }, async (model) => {
      const [answer] = await model.answer(prompts.slice(0, 1))
      expect(answer!.error).toContain(
        `${prompts[0]!.query.image} has ${size} bytes and ${size - 1} are sent at most`,
      )
    })
  })
})

test('equal images are read and kept once', async () => {
  const [prompt] = prompts
  const copy = join(await temporaryFolder(), 'copy.png')
  await copyFile(prompt!.query.image, copy)
  await at({}, {}, async (model) => {
    await model.answer([prompt!, prompt!, { ...prompt!, query: { ...prompt!.query, image: copy } }])
    await model.answer([prompt!])
    expect(model.stats()).toMatchObject({ imageEncodes: 1 })
  })
})

describe('scores', () => {
  const scored = (): VqaPrompt[] =>
    prompts.map((prompt) => ({ ...prompt, scoreAnswers: ['red', 'dark blue', 'red'] }))

  test('are the sum over the tokens of the answer and the end token', async () => {
    await at({ faults: ['429', 'truncated'] }, {}, async (model) => {
      const answers = await model.answer(scored())
      answers.forEach(({ scores, ...answer }, i) => {
        expect(answer).toEqual(clean[i])
        // The toy's log p of a token is a tenth of its length; "<|im_end|>" has 10 letters.
        const red = { answer: 'red', logProb: expect.closeTo(-1.3, 10), tokens: 2 }
        expect(scores).toEqual([
          red,
          { answer: 'dark blue', logProb: expect.closeTo(-1.9, 10), tokens: 3 },
          red,
        ])
      })
    })
  })

  test('a server that fails says nothing of what it can: the error is its own, and the next call asks again', async () => {
    const first = await startServer({ broken: 'prompt_logprobs' })
    const model = await open({ baseUrl: first.baseUrl, retries: 2 })
    const asked = model.answer(scored().slice(0, 4))
    await expect(asked).rejects.toThrow(
      /no answer from .*: 3 x 500 Internal Server Error; the last: .*; what was measured is kept; see to the server/,
    )
    await expect(asked).rejects.not.toHaveProperty('code')
    await first.kill()
    const second = await startServer({ port: first.port, faults: ['503', '500', 'reset'] })
    const answers = await model.answer(scored().slice(0, 4))
    expect(answers.every(({ scores }) => scores?.length === 3)).toBe(true)
    expect((await second.seen()).faults).toMatchObject({ '500': expect.any(Number) })
    await model.close()
  })

  test('a server that has no such thing says so by a status too, and is asked once', async () => {
    await at({ unable: 501 }, {}, async (model, { seen }) => {
      const before = (await seen()).requests
      const asked = model.answer(scored())
      await expect(asked).rejects.toThrow(/cannot score given answers \(.*501 Not Implemented.*as vLLM has/)
      await expect(asked).rejects.toMatchObject({ code: 'LEVER_INPUT' })
      expect((await seen()).requests - before).toBe(1)
    })
  })

  test('a call that is given up while it asks what the server can takes no other with it', async () => {
    await at({ delay: 100 }, {}, async (model) => {
      const [first, second] = [new AbortController(), new AbortController()]
      const gone = model.answer(scored().slice(0, 2), { signal: first.signal })
      const kept = model.answer(scored().slice(0, 2), { signal: second.signal })
      setTimeout(() => first.abort(new Error('enough')), 30)
      await expect(gone).rejects.toThrow('enough')
      expect((await kept).map(({ scores }) => scores?.length)).toEqual([3, 3])
    })
  })

  test('alone take one token of an answer, for the length of the prompt', async () => {
    await at({}, {}, async (model) => {
      const wanted = scored().slice(0, 2)
      const answers = await model.answer(wanted)
      const { decodeSteps, decoderRuns } = model.stats()
      expect(decodeSteps).toBeGreaterThan(0)
      expect(await model.answer(wanted, { scoresOnly: true })).toEqual(
        answers.map(({ scores }) => ({ text: '', raw: '', scores })),
      )
      expect(model.stats()).toMatchObject({ decodeSteps, decoderRuns: 2 * decoderRuns - 2 })
    })
  })

  test('are refused where the server has none', async () => {
    await at({ scoring: false }, {}, async (model) => {
      const asked = model.answer(scored())
      await expect(asked).rejects.toThrow('cannot score given answers (its answers have no prompt_logprobs)')
      await expect(asked).rejects.toMatchObject({ code: 'LEVER_INPUT' })
      expect(await model.answer(prompts)).toEqual(clean)
    })
  })
})
