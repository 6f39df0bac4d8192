import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { encodeRlData } from '@lever/rl-dataset'
import type { RlData } from '@lever/rl-dataset'
import { evaluateSelectors } from '../src/evaluate.ts'
import { evaluateMeasured } from '../src/offline/evaluate-measured.ts'
import { measuredQueries } from '../src/offline/measured-queries.ts'
import { measureOracle } from '../src/oracle.ts'
import { renderText } from '../src/render/text.ts'
import { measuredStatic } from '../src/run/static-measured.ts'
import { createSelector } from '../src/selectors/index.ts'
import { oneShotVote } from '../src/selectors/one-shot-vote.ts'
import { pointer } from '../src/selectors/pointer.ts'
import { resolveSelectors } from '../src/selectors/resolve.ts'
import { staticEffects } from '../src/selectors/static-set.ts'
import { summarize } from '../src/summary/summarize.ts'
import type { Example } from '../src/types.ts'
import { toyModel } from './toy-world.ts'

const human = (text: string): string[] => new Array<string>(10).fill(text)
const example = (id: number, answer: string, imageId: number | null = id): Example => ({
  id,
  questionId: id,
  imageId,
  question: `Question ${id}?`,
  answer,
  answers: human(answer),
})
const library = ['cat', 'dog', 'dog', 'bird', 'cow'].map((answer, i) => example(10 + i, answer))
const queries = [example(1, 'dog'), example(2, 'cat'), example(3, 'dog')]
const score = (answer: string, { answers }: Example): { accuracy: number; mode: 'file' } => ({
  accuracy: answers.includes(answer) ? 1 : 0,
  mode: 'file',
})
const first = pointer({ name: 'first', select: ({ pool }, k) => pool.slice(0, k).map(({ id }) => id) })

describe('vote', () => {
  const settings = { queries, pools: library, library, score, seeds: [0, 1] }
  /** Repeats the answer of its first demonstration. */
  const copying = (): ReturnType<typeof toyModel> =>
    toyModel(({ demonstrations: [one] }) => (one === undefined ? '' : one.answer))

  test('asks once for every demonstration, each alone, and takes the majority', async () => {
    const model = copying()
    const selectors = [oneShotVote({ of: first })]
    const { rows, prompts } = await evaluateSelectors({
      ...settings,
      ...{ answer: model.answer, selectors, shots: [1, 2, 3] },
    })
    expect(model.calls.flat().sort()).toEqual(
      queries.flatMap(({ id }) => [10, 11, 12].map((shown) => `${id}:${shown}`)).sort(),
    )
    expect(prompts.prompts).toBe(9)
    const of = (shots: number): unknown[] =>
      rows
        .filter((row) => row.shots === shots)
        .map(({ answer, accuracy, prompts: price }) => [answer, accuracy, price])
    expect(of(1)).toEqual([
      ['cat', 0, undefined],
      ['cat', 1, undefined],
      ['cat', 0, undefined],
    ])
    expect(of(2)).toEqual([
      ['cat', 0, 2],
      ['cat', 1, 2],
      ['cat', 0, 2],
    ])
    expect(of(3)).toEqual([
      ['dog', 1, 3],
      ['dog', 0, 3],
      ['dog', 1, 3],
    ])
  })

  test('shows random demonstrations that random shows too, and says what it costs', async () => {
    const selectors = resolveSelectors(['random', 'vote', 'vote:bm25'])
    const { rows } = await evaluateSelectors({
      ...settings,
      answer: copying().answer,
      selectors,
      shots: [1, 3],
    })
    const shown = (name: string): unknown[] =>
      rows.filter(({ selector }) => selector === name).map(({ demonstrations }) => demonstrations)
    expect(shown('vote')).toEqual(shown('random'))
    const text = renderText(summarize(rows, { resamples: 10 }))
    expect(text).toContain('Prompts an answer: vote 3 at 3 shots; vote:bm25 3 at 3 shots; all others 1.')
  })

  test('answers of one kind in different forms are one; a failed one does not vote', async () => {
    const texts = new Map([
      [10, 'cat'],
      [11, 'Dog.'],
      [12, 'dog'],
    ])
    const { rows } = await evaluateSelectors({
      ...settings,
      selectors: [oneShotVote({ of: first })],
      shots: [3],
      answer: (prompts) =>
        Promise.resolve(
          prompts.map(({ query, demonstrations: [one] }) =>
            query.id === 3 || (query.id === 2 && one!.id > 10)
              ? { text: '', error: 'no server' }
              : { text: texts.get(one!.id)! },
          ),
        ),
    })
    expect(rows.map(({ answer, accuracy, mode }) => [answer, accuracy, mode])).toEqual([
      ['Dog.', 0, 'file'],
      ['cat', 1, 'file'],
      ['', null, 'error'],
    ])
  })

  test('measured no sequence, so the oracle does not count it', async () => {
    const answer = copying().answer
    const selectors = [oneShotVote({ of: first }), createSelector('majority-vote')]
    const { rows } = await evaluateSelectors({ ...settings, answer, selectors, shots: [3] })
    const pools = queries.map(({ id }): [number, readonly Example[]] => [id, library])
    const oracle = await measureOracle({
      ...{ queries, pools: new Map(pools), library, score, answer, known: rows, shots: 3, budget: 0 },
    })
    const best = oracle.rows.find((row) => row.query === 1 && row.shots === 3)
    expect(best?.demonstrations.join()).not.toBe('10,11,12')
  })

  test('on measured data, at any number of measured singles', async () => {
    const outcome = (id: number, text: string) => ({
      ...{ pointer: [id], gen_method: 'random', vqa_pred_answer: text, vqa_eval_mode: 'file' as const },
      vqa_acc_score: text === 'dog' ? 1 : 0,
    })
    const data = measuredQueries({
      meta: null,
      queries: [
        {
          query_id: 1,
          query: { query_id: 1, image_id: 1, gt_answers_raw: human('dog') },
          candidate_pool_ids: [10, 11, 12],
          pointer_candidates: [outcome(10, 'cat'), outcome(11, 'dog'), outcome(12, 'dog')],
        },
      ],
    })
    const { rows, coverage } = await evaluateMeasured({
      queries: data.queries,
      selectors: [oneShotVote({ of: first })],
      shots: [1],
      voteShots: [1, 3],
      score,
    })
    expect(rows.map(({ shots, answer, accuracy, prompts }) => [shots, answer, accuracy, prompts])).toEqual([
      [1, 'cat', 0, undefined],
      [3, 'dog', 1, 3],
    ])
    expect(coverage.map(({ measured }) => measured)).toEqual([1, 1])
  })
})

describe('static by main effects', () => {
  const effects = new Map([
    [10, 0.1],
    [12, 0.3],
    [14, 0.2],
  ])

  test('shows the largest effects, the best last, and leaves out what a query may not be shown', async () => {
    const asked = [example(1, 'dog', 12), example(12, 'dog', 99), example(3, 'dog')]
    const selectors = [staticEffects({ effects })]
    const { rows } = await evaluateSelectors({
      ...{ queries: asked, pools: library, library, score, selectors, shots: [2, 4] },
      answer: toyModel(() => 'x').answer,
    })
    expect(rows.map(({ demonstrations }) => demonstrations)).toEqual([
      [10, 14],
      [10, 14],
      [14, 12],
      [13, 11, 10, 14],
      [13, 11, 10, 14],
      [11, 10, 14, 12],
    ])
    expect(resolveSelectors(['pool:static'], { sets: effects })[0]).toMatchObject({
      name: 'pool:static',
      scope: 'pool',
    })
    expect(() => resolveSelectors(['static'])).toThrow('--static-data')
    expect(() => resolveSelectors(['static-best'])).toThrow('called static now')
  })

  const file = join(mkdtempSync(join(tmpdir(), 'static-')), 'rl.json')
  const measured = (more: object = {}): RlData => ({
    meta: null,
    queries: [101, 102, 103, 104].map((id) => ({
      query_id: id,
      query: { query_id: id, image_id: id },
      candidate_pool_ids: [10, 11, 12],
      pointer_candidates: [0, 1, 2].map((position) => ({
        ...{ pointer: [position], pointer_global: [10 + position], vqa_eval_mode: 'file' as const },
        vqa_acc_score: position === 0 ? 1 : 0,
        vqa_gt_prob: position === 2 ? 0.9 - id / 1000 : 0.2,
        ...more,
      })),
    })),
  })
  const write = (data: RlData): void => writeFileSync(file, encodeRlData(data).bytes)

  test('is estimated from expected accuracy where it was measured, on other questions only', async () => {
    write(measured())
    const given = { files: [file], shots: 2, queries: [{ id: 101, imageId: 104 }] }
    const notices: string[] = []
    const found = await measuredStatic({ ...given, onNotice: (notice) => notices.push(notice) })
    expect(found.record).toMatchObject({ reward: 'expected', questions: 3, outcomes: 9, examples: 3 })
    expect(found.record.best[0]!.id).toBe(12)
    expect(notices.join()).toContain('left out 1 questions')
    const accuracy = await measuredStatic({ ...given, reward: 'accuracy' })
    expect(accuracy.record.best[0]!.id).toBe(10)
  })

  test('needs no accuracy where the expected accuracy alone was measured', async () => {
    write(measured({ vqa_acc_score: null }))
    const given = { files: [file], shots: 1, queries: [{ id: 1, imageId: 1 }] }
    const { record } = await measuredStatic(given)
    expect(record).toMatchObject({ reward: 'expected', questions: 4, outcomes: 12 })
    expect(record.best[0]!.id).toBe(12)
    await expect(measuredStatic({ ...given, reward: 'accuracy' })).rejects.toThrow(
      'has outcomes without an accuracy; give expected',
    )
  })

  test('refuses what teaches nothing', async () => {
    write(measured({ vqa_gt_prob: null }))
    const given = { files: [file], shots: 1, queries: [{ id: 1, imageId: 1 }] }
    expect((await measuredStatic(given)).record.reward).toBe('accuracy')
    await expect(measuredStatic({ ...given, reward: 'expected' })).rejects.toThrow('give accuracy')
    const same = [101, 102, 103, 104].map((imageId) => ({ id: imageId, imageId }))
    await expect(measuredStatic({ ...given, queries: same })).rejects.toThrow('measured on other questions')
  })
})
