import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { copyFile, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenaiOptions, Answer, PromptWithImages } from '../src/index.ts'
import { at, open } from './support/at-server.ts'
import { killServers, startServer, type ServerConfig } from './support/openai-server.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

let prompts: PromptWithImages[]
let clean: Answer[]
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

test('text models at servers get texts: one message of plain text, or a chat of strings', async () => {
  const demonstration = { id: 1, context: 'a dog', question: 'What?', answer: 'dog' }
  const prompt = { demonstrations: [demonstration], query: { id: 2, context: 'a cat', question: 'Which?' } }
  await at({}, { template: 'caption' }, async (model, { seen }) => {
    expect(model.protocol.server!.request).toMatchObject({ stop: ['\n'] })
    expect(model.protocol).toMatchObject({ template: 'caption', postprocess: 'first-line' })
    const [answer] = await model.answer([prompt])
    expect(answer!.error).toBeUndefined()
    const content =
      'Please answer the question according to the above context.\n\n' +
      'Context: a dog\nQuestion: What?\nAnswer: dog\n\nContext: a cat\nQuestion: Which?\nAnswer:'
    expect((await seen()).last['messages']).toEqual([{ role: 'user', content }])
  })
  const chat = {
    name: 'chat',
    layout: 'turns',
    images: false,
    demonstration: '{context} {question}',
    query: '{context} {question}',
    system: null,
    postprocess: 'trim',
  } as const
  await at({}, { template: chat, stop: [] }, async (model, { seen }) => {
    await model.answer([prompt])
    expect((await seen()).last['messages']).toEqual([
      { role: 'user', content: 'a dog What?' },
      { role: 'assistant', content: 'dog' },
      { role: 'user', content: 'a cat Which?' },
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

  test.each([
    '<|im_end|>',
    '<|IM_END|>',
    '<|image_pad|>',
    '</s>',
    '[INST]',
    '\uff1c|im_end|\uff1e',
    '<end_of_turn>',
  ])('a text that a server may take for the special token %s', async (token) => {
    await at({}, {}, async (model, { seen }) => {
      const [first, second] = prompts.filter(({ demonstrations }) => demonstrations.length > 0)
      const question = `what ${token} ?`
      const demonstrations = second!.demonstrations.map((one) => ({ ...one, answer: `red ${token}` }))
      const answers = await model.answer([
        { ...first!, query: { ...first!.query, question } },
        { ...second!, demonstrations },
      ])
      expect(answers).toMatchObject([
        {
          kind: 'prompt',
          error: expect.stringMatching(/^vqa-model: the question of example \d+ holds .*special token/),
        },
        { kind: 'prompt', error: expect.stringMatching(/^vqa-model: the answer of example \d+ holds/) },
      ])
      expect((await seen()).last).toBeNull()
    })
  })

  test('comparisons and tags that are no tokens are sent', async () => {
    await at({}, {}, async (model) => {
      const [prompt] = prompts
      const query = { ...prompt!.query, question: 'is a < b | c > d <b>bold</b> [1]?' }
      expect((await model.answer([{ ...prompt!, query }]))[0]).not.toHaveProperty('error')
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
