import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Answer, PromptWithImages } from '../src/index.ts'
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

describe('scores', () => {
  const scored = (): PromptWithImages[] =>
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
