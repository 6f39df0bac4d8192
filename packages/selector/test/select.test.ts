import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  evaluateSelectors,
  lookUpEmbeddings,
  policySelector,
  poolsOfExamples,
  resolveSelectors,
  type DerivedSelector,
  type SelectorName,
} from '@lever/icl-eval'
import { byIds, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { buildPools } from '@lever/rl-generate'
import { pairsOf } from '@lever/tensor-files'
import type { Dataset } from '@lever/vqa-dataset'
import { openSelector, type OpenSelector, type SelectOptions } from '../src/index.ts'
import { bundleOf, embed, openSplit, type Bundled } from './support/world.ts'

const BASELINES: readonly (SelectorName | DerivedSelector)[] = [
  ...(['random', 'bm25', 'rices-image', 'rices-text', 'rices-both', 'mmices', 'mmr', 'k-means'] as const),
  ...(['pool:rices-both', 'reversed:rices-both'] as const),
]
const SHOTS = [1, 2, 4]

let bundled: Bundled
let selector: OpenSelector
let asked: Dataset

beforeAll(async () => {
  bundled = await bundleOf(200)
  selector = await openSelector(bundled.folder)
  asked = await openSplit('test', 60)
})

afterAll(() => selector.close())

/** What `lever evaluate` shows for every question: selector, shots, query, ids. */
async function evaluated(queries: Dataset): Promise<Map<string, readonly number[]>> {
  const { train, embeddings, policy: file } = bundled
  const features = { queries: await embed(queries), candidates: embeddings }
  const policy = await openPolicy((await readCheckpoint(file)).model)
  const pools = await buildPools({
    ...{ queries: queries.examples, candidates: train.examples, method: 'mixed', size: 32, seed: 5 },
    features: pairsOf(features),
  })
  const { rows } = await evaluateSelectors({
    queries: queries.examples,
    pools: poolsOfExamples(pools.byQuery, train.examples),
    library: train.examples,
    selectors: [
      policySelector({ name: 'policy', policy: byIds(policy, features) }),
      ...resolveSelectors(BASELINES),
    ],
    embeddings: lookUpEmbeddings(pairsOf(features)),
    shots: SHOTS,
    seeds: [5],
    answer: (prompts) => Promise.resolve(prompts.map(() => ({ text: '' }))),
    score: () => ({ accuracy: 0, mode: 'file' }),
  })
  await policy.close()
  return new Map(rows.map((row) => [`${row.selector} ${row.shots} ${row.query}`, row.demonstrations]))
}

/** The same of the selector. */
async function selected(queries: Dataset): Promise<Map<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>()
  for (const name of ['policy', ...BASELINES] as const) {
    for (const shots of SHOTS) {
      const selections = await selector.selectMany(
        queries.examples.map(({ id, question, image }) => ({ id, question, image })),
        { shots, selector: name },
      )
      selections.forEach(({ demonstrations }, i) =>
        found.set(
          `${name} ${shots} ${queries.examples[i]!.id}`,
          demonstrations.map(({ id }) => id),
        ),
      )
    }
  }
  return found
}

describe('selections are those of evaluate, id by id', () => {
  test('for questions about other images', async () => {
    const [wanted, found] = [await evaluated(asked), await selected(asked)]
    expect(found.size).toBe(60 * 3 * 11)
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted))
  })

  test('for questions of the library itself, whose images are known by their bytes', async () => {
    const own = { ...bundled.train, examples: bundled.train.examples.slice(0, 30) }
    const [wanted, found] = [await evaluated(own), await selected(own)]
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted))
  })
})

test('a path, bytes, a data URI and an embedding of an image are one question', async () => {
  const [{ question, image }] = asked.examples as [Dataset['examples'][number] & { image: string }]
  const bytes = readFileSync(image)
  const row = (await embed({ ...asked, examples: asked.examples.slice(0, 1) })).data
  const uri = `data:image/png;base64,${bytes.toString('base64')}`
  const [a, ...others] = await selector.selectMany(
    [image, bytes, new Uint8Array(bytes), uri].map((one) => ({ question, image: one })),
  )
  const known = await selector.select({ question, image, embedding: row })
  for (const { demonstrations } of [...others, known]) {
    demonstrations.forEach(({ score, ...one }, i) => {
      const { score: wanted, ...same } = a!.demonstrations[i]!
      expect(one).toEqual(same)
      expect(score).toBeCloseTo(wanted!, 5)
    })
  }
})

test('the same question gives the same choice whatever is asked in between', async () => {
  const { question, image } = asked.examples[1]!
  const first = await selector.select({ question, image })
  await selector.selectMany(
    asked.examples.slice(0, 9).map((one) => ({ question: one.question, image: one.image })),
  )
  expect((await selector.select({ question, image })).demonstrations).toEqual(first.demonstrations)
})

test('demonstrations come with probability, similarity and text', async () => {
  const { question, image } = asked.examples[0]!
  const { demonstrations, selector: by } = await selector.select({ question, image }, { shots: 3 })
  expect(by).toEqual({ kind: 'policy', name: 'policy', because: 'trained', note: null })
  expect(demonstrations).toHaveLength(3)
  for (const { id, score, similarity, answer } of demonstrations) {
    expect(score).toBeGreaterThan(0)
    expect(score).toBeLessThan(1)
    expect(Math.abs(similarity)).toBeLessThanOrEqual(1 + 1e-6)
    expect(answer).toBe(bundled.train.examples.find((one) => one.id === id)!.answer)
  }
})

test('excluded ids are not chosen, and what is left is', async () => {
  const { question, image } = asked.examples[2]!
  const ids = async (exclude: number[]): Promise<number[]> => {
    const { demonstrations } = await selector.select(
      { question, image },
      { shots: 2, exclude, selector: 'rices-both' },
    )
    return demonstrations.map(({ id }) => id)
  }
  const [far, near] = (await ids([])) as [number, number]
  const without = await ids([near])
  expect(without).not.toContain(near)
  expect(without.at(-1)).toBe(far)
})

test('calls that come together share batches, and one bad image fails alone', async () => {
  const before = selector.stats()
  const calls = asked.examples
    .slice(0, 20)
    .map(({ question, image }, i) =>
      selector.select({ question, image: i === 7 ? Buffer.from('no image') : image }),
    )
  const results = await Promise.allSettled(calls)
  expect(results.map(({ status }) => status).filter((status) => status === 'rejected')).toHaveLength(1)
  expect((results[7] as PromiseRejectedResult).reason).toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringContaining('it is not an image') as unknown,
  })
  const { batches, selections, waiting } = selector.stats()
  expect(batches - before.batches).toBeLessThanOrEqual(3)
  expect(selections - before.selections).toBe(19)
  expect(waiting).toBe(0)
})

test.each([
  [{ shots: 0 }, 'shots is 0; give a whole number from 1'],
  [{ shots: 1.5 }, 'shots is 1.5; give a whole number from 1'],
  [{ shots: 33 }, '33 demonstrations were asked for from pools of 32'],
  [{ shots: 500 }, '500 demonstrations were asked for, and 200 examples may be shown'],
  [{ shot: 2 }, 'selector: select has no option "shot"; did you mean shots?'],
  [{ selector: 'rices' }, 'there is no selector rices; choose one of'],
  [{ selector: 'zero-shot' }, 'zero-shot chooses no demonstrations'],
  [{ selector: 'copy-nearest' }, 'copy-nearest chooses no demonstrations'],
])('%j is refused', async (options, message) => {
  const { question, image } = asked.examples[0]!
  await expect(selector.select({ question, image }, options as SelectOptions)).rejects.toThrow(message)
})

test.each([
  [{ question: '' }, 'there is no question'],
  [{ question: 'a' }, 'there is no image, and the bundle compares images'],
  [{ question: 'a', image: '/nowhere.png' }, 'cannot read the image /nowhere.png'],
  [{ question: 'a', image: 'data:image/png;base64' }, 'is not a data URI'],
  [{ question: 'a', image: 'data:image/png,%00%ff' }, 'it is not an image'],
  [{ question: 'a', image: 'data:image/png;base64,***' }, 'is not base64'],
  [{ question: 'a', image: 'http://127.0.0.1/a.png' }, 'which may not be asked here'],
  [{ question: 'a', image: 'file:///etc/passwd' }, 'is not http or https'],
  [{ question: 'a', image: new Uint8Array(0) }, 'is empty'],
  [{ question: 'a', embedding: new Float32Array(3) }, 'has 3 numbers; give 320 finite ones'],
])('%j is refused', async (query, message) => {
  await expect(selector.select(query)).rejects.toMatchObject({
    code: 'LEVER_INPUT',
    message: expect.stringContaining(message) as unknown,
  })
})
