import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  backendNames,
  openVqaModel,
  type Clock,
  type VqaModel,
  type VqaModelOptions,
  type PromptWithImages,
} from '../src/index.ts'
import { systemClock } from '../src/openai/clock.ts'
import { killServers, startServer } from './support/openai-server.ts'
import { writeTinyModel } from './support/tiny-model.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

/** Waits are a tenth as long as they should be, and always the longest. */
const hurried: Clock = {
  ...systemClock,
  sleep: (milliseconds, signal) => systemClock.sleep(milliseconds / 10, signal),
  random: () => 0.99,
}

afterAll(killServers)

/** How to open each backend for the conformance suite; a new backend adds a line. */
const OPEN: Record<string, () => Promise<VqaModelOptions>> = {
  onnx: async () => ({
    backend: 'onnx',
    model: await writeTinyModel(await temporaryFolder()),
    template: 'shapes',
  }),
  'onnx, 2 workers': async () => ({
    backend: 'onnx',
    model: await writeTinyModel(await temporaryFolder()),
    template: 'shapes',
    workers: 2,
  }),
  openai: async () => ({ backend: 'openai', baseUrl: (await startServer()).baseUrl }),
  'openai, 2 servers with faults': async () => {
    const faults = ['429', 'reset', '500', 'truncated', '503', '429-date']
    const servers = await Promise.all([startServer({ faults }), startServer({ faults })])
    return { backend: 'openai', baseUrl: servers.map(({ baseUrl }) => baseUrl), clock: hurried }
  },
  scripted: () =>
    Promise.resolve({
      backend: 'scripted',
      script: ({ demonstrations, query }) =>
        ` ${query.question.length} ${demonstrations.map(({ answer }) => answer).join(' ')}`,
    }),
}

test('every backend is in the conformance suite', () => {
  expect([...new Set(Object.keys(OPEN).map((name) => name.split(',')[0]))].sort()).toEqual(
    [...backendNames].sort(),
  )
})

describe.each(Object.keys(OPEN))('%s', (name) => {
  let model: VqaModel
  let prompts: PromptWithImages[]

  beforeAll(async () => {
    const world = await makeWorld()
    prompts = makePrompts(world, { each: 5, shots: [0, 1, 2, 3, 4] })
    model = await openVqaModel(await OPEN[name]!())
  })
  afterAll(() => model.close())

  test('a batch gives the answers of its prompts one by one, and gives them twice', async () => {
    const batch = await model.answer(prompts)
    expect(batch).toHaveLength(prompts.length)
    expect(batch.every(({ error, text, raw }) => error === undefined && text === raw?.trim())).toBe(true)
    expect(await model.answer(prompts)).toEqual(batch)
    for (const i of [0, 7, prompts.length - 1]) {
      expect((await model.answer([prompts[i]!]))[0]!.raw).toBe(batch[i]!.raw)
    }
    const order = prompts.map((_, i) => (i * 7) % prompts.length)
    const shuffled = await model.answer(order.map((i) => prompts[i]!))
    expect(shuffled.map(({ raw = '' }) => raw)).toEqual(order.map((i) => batch[i]!.raw))
  })

  test('scores answers in the order asked, the end token counted, and answers the same', async () => {
    if (name === 'scripted') return
    const some = prompts.slice(0, 12)
    const wanted = ['red', 'a dark blue', 'red', some[3]!.query.question]
    const scored = await model.answer(some.map((prompt) => ({ ...prompt, scoreAnswers: wanted })))
    const plain = await model.answer(some)
    for (const [i, { scores, ...answer }] of scored.entries()) {
      expect(answer).toEqual(plain[i])
      expect(scores!.map((score) => score.answer)).toEqual(wanted)
      for (const { logProb, tokens } of scores!) {
        expect(logProb).toBeLessThan(0)
        expect(tokens).toBeGreaterThan(1)
      }
      expect(scores![2]!.logProb).toBeCloseTo(scores![0]!.logProb, 3)
    }
    const alone = await model.answer(
      some.map((prompt) => ({ ...prompt, scoreAnswers: wanted })),
      { scoresOnly: true },
    )
    expect(alone).toEqual(scored.map(({ scores }) => ({ text: '', raw: '', scores })))
    await expect(model.answer(some, { scoresOnly: true })).rejects.toThrow('has no scoreAnswers')
  })

  test('no prompts, no answers', async () => {
    expect(await model.answer([])).toEqual([])
  })

  test('an image that is not there, or is none, fails its outcomes only', async () => {
    const broken = join(await temporaryFolder(), 'broken.png')
    await writeFile(broken, 'this is not an image')
    const bad: PromptWithImages[] = [
      { ...prompts[1]!, query: { ...prompts[1]!.query, image: '/nowhere/7.png' } },
      { ...prompts[2]!, demonstrations: [{ ...prompts[2]!.demonstrations[0]!, image: '/nowhere/8.png' }] },
      prompts[3]!,
    ]
    const before = model.stats().failed
    const answers = await model.answer(bad)
    expect(answers[0]).toMatchObject({
      text: '',
      raw: '',
      error: expect.stringContaining('cannot read the image /nowhere/7.png'),
    })
    expect(answers[1]!.error).toContain('/nowhere/8.png')
    expect(answers[2]!.error).toBeUndefined()
    expect(model.stats().failed - before).toBe(2)
    if (name === 'scripted') return
    const [answer] = await model.answer([{ ...prompts[0]!, query: { ...prompts[0]!.query, image: broken } }])
    expect(answer!.error).toContain(`cannot read the image ${broken}`)
  })

  test('an image that came back is read again', async () => {
    const [late] = (await makeWorld({ demonstrations: 0, queries: 1 })).images
    const prompt: PromptWithImages = {
      demonstrations: [],
      query: { ...prompts[0]!.query, image: `${late!}.later` },
    }
    expect((await model.answer([prompt]))[0]!.error).toBeDefined()
    await copyFile(late!, `${late!}.later`)
    expect((await model.answer([prompt]))[0]!.error).toBeUndefined()
    await rm(`${late!}.later`)
  })

  test('calls at the same time do not mix', async () => {
    const [a, b] = await Promise.all([model.answer(prompts.slice(0, 10)), model.answer(prompts.slice(10))])
    const all = await model.answer(prompts)
    expect([...a, ...b].map(({ raw = '' }) => raw)).toEqual(all.map(({ raw = '' }) => raw))
  })

  test('progress ends at the number of prompts', async () => {
    const seen: number[] = []
    await model.answer(prompts, { onProgress: (done) => seen.push(done) })
    expect(seen.at(-1)).toBe(prompts.length)
    expect([...seen].sort((x, y) => x - y)).toEqual(seen)
  })

  test('an aborted call rejects with its reason and leaves the model usable', async () => {
    const reason = new Error('enough')
    await expect(model.answer(prompts, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const answering = model.answer(prompts, {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(answering).rejects.toBe(reason)
    expect(await model.answer(prompts.slice(0, 2))).toHaveLength(2)
  })

  test('the protocol says what fixes an answer', () => {
    expect(model.protocol.backend).toBe(name.split(',')[0])
    expect(model.protocolHash).toMatch(/^[0-9a-f]{64}$/)
    expect(model.stats().prompts).toBeGreaterThan(0)
  })

  test('closes twice, and refuses to answer after', async () => {
    const other = await openVqaModel(await OPEN[name]!())
    await Promise.all([other.close(), other.close()])
    await other.close()
    await expect(other.answer(prompts)).rejects.toThrow('the model is closed')
  })
})

describe('scripted', () => {
  test('a module, a script that throws, scores', async () => {
    const path = join(await temporaryFolder(), 'script.mjs')
    await writeFile(
      path,
      'export default ({ query }) => ({ raw: `${query.id}, x`, scores: [{ answer: "a", logProb: -1, tokens: 1 }] })',
    )
    const query = { id: 3, image: path, question: '?' }
    const model = await openVqaModel({ backend: 'scripted', model: path, postprocess: 'lever-plus' })
    expect(await model.answer([{ demonstrations: [], query }])).toEqual([
      { text: '3', raw: '3, x', scores: [{ answer: 'a', logProb: -1, tokens: 1 }] },
    ])
    const alone = await model.answer([{ demonstrations: [], query, scoreAnswers: ['a'] }], {
      scoresOnly: true,
    })
    expect(alone).toEqual([{ text: '', raw: '', scores: [{ answer: 'a', logProb: -1, tokens: 1 }] }])
    expect(Object.keys(model.protocol.files)).toEqual(['script'])
    const throws = await openVqaModel({
      backend: 'scripted',
      checkImages: false,
      script: () => {
        throw new Error('no idea')
      },
    })
    expect(await throws.answer([{ demonstrations: [], query }])).toEqual([
      { text: '', raw: '', error: 'no idea' },
    ])
    const empty = join(await temporaryFolder(), 'empty.mjs')
    await writeFile(empty, 'export const x = 1')
    await expect(openVqaModel({ backend: 'scripted', model: empty })).rejects.toThrow(
      'exports no function as default',
    )
    await expect(openVqaModel({ backend: 'scripted', model: '/nowhere.mjs' })).rejects.toThrow('/nowhere.mjs')
  })

  test('unknown backends list the known ones', async () => {
    await expect(openVqaModel({ backend: 'vllm' } as unknown as VqaModelOptions)).rejects.toThrow(
      'choose one of onnx, openai, scripted',
    )
  })
})
