import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { evaluateMeasured } from '../src/offline/evaluate-measured.ts'
import { measuredQueries } from '../src/offline/measured-queries.ts'
import { renderText } from '../src/render/text.ts'
import { evaluateAll } from '../src/run/evaluate-all.ts'
import { splitOf } from '../src/run/results.ts'
import { overLibrary } from '../src/selectors/scope.ts'
import { policySelector } from '../src/selectors/policy-selector.ts'
import type { ChoosingPolicy } from '../src/selectors/policy-selector.ts'
import { random } from '../src/selectors/random.ts'
import { swappedWithin } from '../src/selectors/swapped.ts'
import { summarize } from '../src/summary/summarize.ts'
import type { EvaluationRow, Example } from '../src/types.ts'

const KINDS = 5
const example = (id: number, imageId: number): Example => ({
  id,
  questionId: id,
  imageId,
  question: `Question ${id}?`,
  answer: `kind ${id % KINDS}`,
  answers: new Array<string>(10).fill(`kind ${id % KINDS}`),
})
/** Two questions an image; image 3 is also one of the library. */
const queries = Array.from({ length: 30 }, (_, i) => example(i, Math.floor(i / 2)))
const library = Array.from({ length: 20 }, (_, i) => example(100 + i, i === 8 ? 3 : 50 + i))
const GOOD = 119
const score = (answer: string, { answers }: Example): { accuracy: number; mode: 'file' } => ({
  accuracy: answers.includes(answer) ? 1 : answer === 'good' ? 0.5 : 0,
  mode: 'file',
})
/** Right with a demonstration of the kind of the query, half right with example 119, else wrong. */
const reply = (query: number, ids: readonly number[]): string => {
  if (ids.some((id) => id % KINDS === query % KINDS)) return `kind ${query % KINDS}`
  return ids.includes(GOOD) ? 'good' : 'wrong'
}

/** Chooses the examples of the query's kind first; or, for every query alike, example 119. */
const policy = (fixed: boolean): ChoosingPolicy => ({
  choose: (asked, { shots }) =>
    Promise.resolve(
      asked.map(({ queryId, poolIds }) => {
        const rank = (id: number): number => (fixed ? Number(id !== GOOD) : (id - queryId + 1000) % KINDS)
        return [...poolIds].sort((a, b) => rank(a) - rank(b) || a - b).slice(0, shots)
      }),
    ),
})
const named = [
  policySelector({ name: 'choosing', policy: policy(false) }),
  policySelector({ name: 'fixed', policy: policy(true) }),
]

function evaluate(seeds: readonly number[]): ReturnType<typeof evaluateAll> {
  return evaluateAll({
    queries,
    pools: new Map(
      queries.map(({ id }) => [id, library.filter(({ imageId }) => imageId !== queries[id]!.imageId)]),
    ),
    library,
    selectors: [overLibrary(random()), ...named],
    split: { names: named.map(({ name }) => name), seeds },
    answer: (prompts) =>
      Promise.resolve(
        prompts.map(({ query, demonstrations }) => ({
          text: reply(
            query.id,
            demonstrations.map(({ id }) => id),
          ),
        })),
      ),
    score,
    shots: [1, 2],
    seeds: [0, 1, 2],
    oracle: false,
    journal: join(mkdtempSync(join(tmpdir(), 'swapped-')), 'answers.jsonl'),
    protocol: 'p',
    data: 'd',
    resamples: 200,
  })
}

const of = (rows: readonly EvaluationRow[], selector: string): EvaluationRow[] =>
  rows.filter((row) => row.selector === selector)

test('choices are shown to other questions about other images, within what they may be shown', async () => {
  const { rows } = await evaluate([0, 1])
  const chosen = of(rows, 'choosing')
  const swapped = of(rows, 'swapped:choosing')
  expect(swapped).toHaveLength(2 * chosen.length)
  for (const { query, shots, demonstrations } of swapped) {
    const sources = chosen.filter(
      (row) => row.shots === shots && row.demonstrations.join() === demonstrations.join(),
    )
    const image = queries[query]!.imageId
    expect(sources.some((row) => row.query !== query && row.image !== image)).toBe(true)
    for (const id of demonstrations) {
      expect(library.find((one) => one.id === id)!.imageId).not.toBe(image)
    }
  }
  const order = (seed: number): string =>
    JSON.stringify(swapped.filter((row) => row.seed === seed).map(({ demonstrations }) => demonstrations))
  expect(order(0)).not.toBe(order(1))
  expect(of((await evaluate([0, 1])).rows, 'swapped:choosing')).toEqual(swapped)
})

test('a gain is split into that for any query and that of choosing', async () => {
  const { rows, summary } = await evaluate([0])
  expect(summary.table.some(({ selector }) => selector.startsWith('swapped:'))).toBe(false)
  const row = (selector: string) =>
    summary.split!.find((one) => one.selector === selector && one.shots === 1)!
  const accuracy = (selector: string): number =>
    summary.table.find((one) => one.selector === selector && one.shots === 1)!.accuracy!
  for (const { gain, independent, chosen } of summary.split!) {
    expect(independent.delta + chosen.delta).toBeCloseTo(gain.delta, 12)
    expect(chosen.ci[0]).toBeLessThanOrEqual(chosen.delta)
  }
  expect(row('choosing').gain.delta).toBeCloseTo(1 - accuracy('random'), 12)
  expect(row('choosing').chosen.delta).toBeGreaterThan(0.7)
  expect(row('choosing').chosen.ci[0]).toBeGreaterThan(0)
  expect(row('fixed').chosen.delta).toBe(0)
  expect(row('fixed').independent.delta).toBeGreaterThan(0.2)

  expect(
    summary.table.flatMap(({ comparisons }) => comparisons).map(({ selector }) => selector),
  ).not.toContain('swapped:fixed')
  expect(renderText(summary)).toContain('chosen for it')
  expect(renderText(summary)).toContain('Choices shuffled over the questions once (seed 0)')
  expect(splitOf(summary)[0]).toMatchObject({ selector: 'choosing', shots: 1 })
  const { split } = summarize(rows.filter(({ selector }) => !selector.startsWith('swapped:')))
  expect(split).toBeUndefined()
})

test('without permutations nothing more is asked', async () => {
  const { rows, summary } = await evaluate([])
  expect(rows.some(({ selector }) => selector.startsWith('swapped:'))).toBe(false)
  expect(summary.split).toBeUndefined()
})

test('on measured data the pool of the query stays, and another query chooses from it', async () => {
  const { queries: measured } = measuredQueries({
    meta: null,
    queries: queries.map(({ id, imageId }) => {
      const pool = createRandom(1, id)
        .sample(library, 10)
        .map((one) => one.id)
      return {
        query_id: id,
        query: { query_id: id, image_id: imageId },
        candidate_pool_ids: pool,
        pointer_candidates: pool.map((candidate, position) => ({
          pointer: [position],
          pointer_global: [candidate],
          gen_method: 'random',
          vqa_acc_score: score(reply(id, [candidate]), example(id, 0)).accuracy,
          vqa_eval_mode: 'file' as const,
        })),
      }
    }),
  })
  const asked = measured.map(({ query }) => query)
  const { rows, coverage } = await evaluateMeasured({
    queries: measured,
    selectors: [random(), ...named, ...named.map((one) => swappedWithin({ of: one, queries: asked }))],
    shots: [1],
    seeds: [0, 1, 2],
  })
  expect(coverage.at(-1)).toEqual({ selector: 'swapped:fixed', shots: 1, choices: 90, measured: 90 })
  const { split } = summarize(rows, { resamples: 200 })
  const [choosing, fixed] = split!
  expect(choosing!.chosen.delta).toBeGreaterThan(0.5)
  expect(fixed!.chosen.delta).toBe(0)
})
