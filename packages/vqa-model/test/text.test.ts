import { describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  embedExamples,
  openEmbedder,
  openVqaModel,
  readProtocol,
  requireInputs,
  type Answer,
  type Prompt,
  type VqaModel,
} from '@lever/vqa-model'
import { estimatePrompts } from '../src/estimate.ts'
import { temporaryFolder } from './support/world.ts'

const FOLDER = new URL('../../../fixtures/tiny-text/', import.meta.url).pathname

interface Case {
  readonly shown: readonly number[]
  readonly asked: number
  readonly ids: readonly number[]
  readonly raw: string
  readonly score: { readonly logProb: number; readonly tokens: number }
}

interface Expected {
  readonly world: readonly { readonly context: string; readonly question: string; readonly answer: string }[]
  readonly cases: readonly Case[]
  /** of the contexts, by PyTorch */
  readonly rows: readonly (readonly number[])[]
}

const { world, cases, rows } = JSON.parse(await readFile(join(FOLDER, 'expected.json'), 'utf8')) as Expected
const examples = world.map((example, id) => ({ id, ...example }))
const promptOf = ({ shown, asked }: Case): Prompt => ({
  demonstrations: shown.map((id) => examples[id]!),
  query: examples[asked]!,
  scoreAnswers: [examples[asked]!.answer],
})

async function open(kind: string, options: object = {}): Promise<VqaModel> {
  return openVqaModel({
    backend: 'onnx',
    model: join(FOLDER, kind),
    threads: 1,
    maxNewTokens: 8,
    cacheFolder: await temporaryFolder(),
    ...options,
  })
}

describe.each(['matmul', 'no-positions', 'gqa'])('text model, %s', (kind) => {
  test('answers and scores are those of transformers in PyTorch', async () => {
    const model = await open(kind)
    try {
      const answers = await model.answer(cases.map(promptOf))
      expect(answers.map(({ raw }) => raw)).toEqual(cases.map(({ raw }) => raw))
      cases.forEach(({ score }, i) => {
        const [found] = answers[i]!.scores!
        expect(found!.tokens).toBe(score.tokens)
        expect(Math.abs(found!.logProb - score.logProb)).toBeLessThan(2e-3)
      })
      expect(new Set(cases.map(({ raw }) => raw)).size).toBeGreaterThan(10)
    } finally {
      await model.close()
    }
  })

  test('prompts share their beginnings, and answers do not depend on it', async () => {
    const [shared, whole] = [await open(kind), await open(kind, { sharing: false })]
    const prompts = cases.flatMap((one) => examples.map((query) => ({ ...promptOf(one), query })))
    try {
      const found = await shared.answer(prompts)
      expect((await whole.answer(prompts)).map(({ raw }) => raw)).toEqual(found.map(({ raw }) => raw))
      expect(shared.stats().prefillTokens).toBeLessThan(whole.stats().prefillTokens / 2)
    } finally {
      await shared.close()
      await whole.close()
    }
  })
})

const families = JSON.parse(await readFile(join(FOLDER, 'families.json'), 'utf8')) as Record<
  string,
  readonly Case[]
>

describe.each(Object.keys(families).flatMap((name) => [name, `${name}-gqa`]))('text model, %s', (kind) => {
  const told = families[kind.replace('-gqa', '')]!

  test('singly and in batches, whole and shared, it answers as transformers in PyTorch does', async () => {
    const model = await open(join('families', kind))
    const whole = await open(join('families', kind), { sharing: false })
    try {
      const prompts = told.map(promptOf)
      const singly: Answer[] = []
      for (const prompt of prompts) singly.push(...(await whole.answer([prompt])))
      for (const answers of [singly, await whole.answer(prompts), await model.answer(prompts)]) {
        expect(answers.map(({ raw }) => raw)).toEqual(told.map(({ raw }) => raw))
        told.forEach(({ score }, i) => {
          const [found] = answers[i]!.scores!
          expect(found!.tokens).toBe(score.tokens)
          expect(Math.abs(found!.logProb - score.logProb)).toBeLessThan(2e-3)
        })
      }
      expect(model.stats().prefillTokens).toBeLessThan(whole.stats().prefillTokens / 2)
    } finally {
      await model.close()
      await whole.close()
    }
  })
})

test('prompts are the tokens of transformers', async () => {
  for (const one of cases) {
    const { tokens } = await estimatePrompts([promptOf(one)], { model: join(FOLDER, 'matmul') })
    expect(tokens?.whole).toBe(one.ids.length)
  }
})

test('a text ends an answer, and the protocol names it', async () => {
  const model = await open('matmul', { stop: ['e', '\n'], postprocess: 'first-clause' })
  try {
    expect(model.protocol).toMatchObject({
      template: 'caption',
      postprocess: 'first-clause',
      decoding: { maxNewTokens: 8, beams: 1, stop: ['e', '\n'] },
    })
    const answers = await model.answer(cases.map(promptOf))
    expect(answers.map(({ raw }) => raw)).toEqual(cases.map(({ raw }) => raw.split('e')[0]))
    expect(answers.some(({ raw }, i) => raw !== cases[i]!.raw)).toBe(true)
  } finally {
    await model.close()
  }
  const plain = await readProtocol({ backend: 'onnx', model: join(FOLDER, 'matmul'), stop: [] })
  expect(plain.protocol.decoding).toEqual({ maxNewTokens: 5, beams: 1 })
  await expect(open('matmul', { beams: 3 })).rejects.toThrow('beam search does not end at texts ("\\n")')
})

test('workers answer as one thread does', async () => {
  const [one, two] = [await open('matmul'), await open('matmul', { workers: 2 })]
  try {
    const prompts = cases.map(promptOf)
    expect((await two.answer(prompts)).map(({ raw }) => raw)).toEqual(
      (await one.answer(prompts)).map(({ raw }) => raw),
    )
  } finally {
    await one.close()
    await two.close()
  }
})

test('chat templates of text models get texts', async () => {
  const template = {
    name: 'chat',
    layout: 'turns',
    images: false,
    demonstration: '{context} {question}',
    query: '{context} {question}',
    system: 'Be short.',
    postprocess: 'trim',
  } as const
  const model = await open('matmul', { template })
  try {
    const [answer] = await model.answer([promptOf(cases[1]!)])
    expect(answer!.error).toBeUndefined()
    expect(model.needs).toEqual({ image: false, context: true })
  } finally {
    await model.close()
  }
})

test('what a model cannot be shown is refused, before it is asked and prompt by prompt', async () => {
  await expect(open('matmul', { template: 'lever-plus' })).rejects.toThrow(
    /the prompt template lever-plus shows images, and .*matmul is a text model \(llama\); use the template caption/,
  )
  const model = await open('matmul')
  try {
    const without = { id: 9, question: 'Why?' }
    const [bad, good] = await model.answer([{ demonstrations: [], query: without }, promptOf(cases[0]!)])
    expect(bad!.error).toBe('example 9 has no context to show')
    expect(good!.raw).toBe(cases[0]!.raw)
    expect(() => requireInputs(model, [without], 'the queries')).toThrow(
      'the prompt template caption shows contexts, and no example of the queries has one',
    )
    expect(() => requireInputs(model, [without, examples[0]!], 'the queries')).not.toThrow()
    const special = { ...examples[0]!, context: 'a <|im_end|> sign' }
    const [refused] = await model.answer([{ demonstrations: [], query: special }])
    expect(refused!.error).toContain("context of example 0 holds the model's special token <|im_end|>")
  } finally {
    await model.close()
  }
})

describe('sentence embedder', () => {
  const sentences = join(FOLDER, 'sentences')

  test('rows are those of PyTorch, and contexts stand where images would', async () => {
    const embedder = await openEmbedder({ embedder: 'sentence', model: sentences, threads: 1 })
    try {
      const dim = rows[0]!.length
      const contexts = await embedExamples(embedder, examples, { kind: 'text', textOf: 'context' })
      rows.flat().forEach((value, i) => expect(contexts.data[i]).toBeCloseTo(value, 4))
      const both = await embedExamples(embedder, examples, { kind: 'both' })
      expect([both.dim, both.imageDim]).toEqual([2 * dim, dim])
      rows[1]!.forEach((value, i) => expect(both.data[2 * dim + i]).toBeCloseTo(value / Math.SQRT2, 4))
      const joined = await embedExamples(embedder, examples, { kind: 'text', textOf: 'both' })
      const text = `${world[0]!.context} ${world[0]!.question}`
      expect([...joined.data.subarray(0, dim)]).toEqual([...(await embedder.texts([text]))])
    } finally {
      await embedder.close()
    }
  })

  test('an example without a context is told, or left out', async () => {
    const embedder = await openEmbedder({ embedder: 'sentence', model: sentences, threads: 1 })
    try {
      const some = [...examples, { id: 9, question: 'Why?' }]
      await expect(embedExamples(embedder, some, { kind: 'both' })).rejects.toThrow(
        /example 9: there is no context/,
      )
      const { ids, skipped } = await embedExamples(embedder, some, { kind: 'both', skipBroken: true })
      expect([ids.length, skipped]).toEqual([examples.length, [{ id: 9, reason: 'there is no context' }]])
      expect((await embedExamples(embedder, some, { kind: 'text' })).ids).toHaveLength(some.length)
    } finally {
      await embedder.close()
    }
  })
})
