import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { measureRewards, type AnswerFunction } from '../src/index.ts'
import {
  collect,
  freshPath,
  linesOf,
  measure,
  proposer,
  queries,
  scripted,
  scriptedText,
  sortedText,
  toyOptions,
} from './scripted.ts'

const reference = freshPath()
const referenceStatistics = measure(toyOptions(reference))

describe('resuming', () => {
  /** Fails at the n-th call. */
  const failing = (n: number, prompts: { count: number }): AnswerFunction => {
    let calls = 0
    return async (batch, options) => {
      if (++calls === n) throw new Error('power cut')
      prompts.count += batch.length
      return scripted(batch, options)
    }
  }

  test.each([1, 4])(
    'after a failure at every batch gives the same lines, %i calls at a time',
    async (concurrency) => {
      const few = { queries: queries.slice(0, 8), concurrency }
      const whole = freshPath()
      await measure(toyOptions(whole, few))
      for (let n = 1; n <= 12; n++) {
        const path = freshPath()
        const prompts = { count: 0 }
        const broken = toyOptions(path, { answer: failing(n, prompts), ...few })
        await expect(measure(broken)).rejects.toThrow('power cut')
        const kept = linesOf(path).filter(({ key }) => !key.startsWith('query:')).length
        expect(kept).toBe(prompts.count)
        const statistics = await measure(toyOptions(path, few))
        expect(statistics).toMatchObject({
          outcomes: 96,
          resumed: kept,
          measured: 96 - kept,
          prompts: 96 - kept,
        })
        expect(sortedText(path)).toBe(sortedText(whole))
      }
    },
  )

  test('measures nothing twice and can be left at any event', async () => {
    await referenceStatistics
    const path = freshPath()
    for (let pass = 0; pass < 20; pass++) {
      let seen = 0
      for await (const event of measureRewards(toyOptions(path, { progressEvery: 0, concurrency: 2 }))) {
        if (event.type === 'done') expect(event.statistics.repeated).toBe(0)
        if (++seen === 3) break
      }
    }
    await measure(toyOptions(path))
    expect(sortedText(path)).toBe(sortedText(reference))
    expect(await measure(toyOptions(path))).toMatchObject({ measured: 0, prompts: 0, resumed: 240 })
  })

  test('after an abort keeps what the calls in flight answered, and passes the signal on', async () => {
    const path = freshPath()
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    let answered = 0
    const answer: AnswerFunction = async (prompts, options) => {
      signals.push(options.signal)
      if (signals.length === 4) controller.abort(new Error('interrupted by the user'))
      const answers = await scripted(prompts, options)
      answered += answers.length
      return answers
    }
    const options = toyOptions(path, { answer, concurrency: 2, signal: controller.signal })
    await expect(measure(options)).rejects.toThrow('interrupted by the user')
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
    expect(linesOf(path).filter(({ key }) => !key.startsWith('query:'))).toHaveLength(answered)
    await measure(toyOptions(path))
    expect(sortedText(path)).toBe(sortedText(reference))
    await expect(measure(options)).rejects.toThrow('interrupted by the user')
  })

  test('drops a torn last line and reports it', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const whole = readFileSync(path, 'utf8')
    for (const cut of [1, 2, 40, 300]) {
      writeFileSync(path, whole.slice(0, -cut))
      const events = await collect(toyOptions(path))
      const [start, done] = [events[0], events.at(-1)]
      if (start?.type !== 'start' || done?.type !== 'done') throw new Error('events')
      expect(start.tornBytes > 0).toBe(cut > 1)
      expect(done.statistics.tornBytes).toBe(start.tornBytes)
      expect(sortedText(path)).toBe(sortedText(reference))
    }
  })

  test('refuses a corrupt line in the middle, naming it', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const lines = readFileSync(path, 'utf8').split('\n')
    lines[30] = lines[30]!.slice(0, 50)
    writeFileSync(path, lines.join('\n'))
    await expect(measure(toyOptions(path))).rejects.toThrow(/line 31/)
  })

  test('says why a journal of an earlier version, with pixels made otherwise, is refused', async () => {
    const path = freshPath()
    const { meta } = toyOptions(path)
    const onnx = (hash: string, pixels: object): object => ({
      meta: { ...meta, protocol: { hash, backend: 'onnx', pixels } },
    })
    await measure(toyOptions(path, onnx('p1', { max: 9 })))
    const now = toyOptions(path, onnx('p2', { max: 9, resizer: 'pillow bicubic' }))
    await expect(measure(now)).rejects.toThrow(
      /resizer: nothing there, "pillow bicubic" here; its answers are to images that an earlier version resized/,
    )
  })

  test('refuses another protocol, another pool, and a second writer', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const { meta } = toyOptions(path)
    await expect(measure(toyOptions(path, { meta: { ...meta, protocol: { hash: 'p2' } } }))).rejects.toThrow(
      /belongs to another run: _meta\.protocol\.hash: "p1" there, "p2" here/,
    )
    await expect(measure(toyOptions(path, { propose: proposer({ poolSeed: 6 }) }))).rejects.toThrow(
      /has another pool/,
    )
    const first = measureRewards(toyOptions(path))
    await first.next()
    await expect(measure(toyOptions(path))).rejects.toThrow(/being written by process/)
    await first.return()
    await measure(toyOptions(path))
  })

  test('a larger group later measures only what is new', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const statistics = await measure(toyOptions(path, { propose: proposer({ size: 20 }) }))
    expect(statistics).toMatchObject({ resumed: 240, measured: 160, outcomes: 400 })
    expect(await measure(toyOptions(path))).toMatchObject({ resumed: 400, measured: 0 })
  })

  test('more queries later measure only what is new', async () => {
    await referenceStatistics
    const path = freshPath()
    await measure(toyOptions(path, { queries: queries.slice(3, 9) }))
    expect(await measure(toyOptions(path))).toMatchObject({ resumed: 72, measured: 168 })
    expect(sortedText(path)).toBe(sortedText(reference))
  })
})

describe('repeated measurements', () => {
  test('that agree are counted, that disagree are counted and shown; the first stays', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const before = sortedText(path)
    expect(await measure(toyOptions(path, { recheck: 1 }))).toMatchObject({
      repeated: 240,
      disagreements: 0,
      measured: 0,
      prompts: 240,
    })
    const answer: AnswerFunction = (prompts) =>
      Promise.resolve(
        prompts.map((prompt) => ({ text: prompt.query.id === 3 ? 'changed' : scriptedText(prompt) })),
      )
    const events = await collect(toyOptions(path, { recheck: 1, answer }))
    const shown = events.filter((event) => event.type === 'disagreement')
    expect(shown).toHaveLength(12)
    expect(shown[0]).toMatchObject({ queryId: 3, now: 'changed' })
    expect(events.at(-1)).toMatchObject({ statistics: { repeated: 240, disagreements: 12 } })
    expect(sortedText(path)).toBe(before)
  })

  test('are a share of the journal', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const { repeated } = await measure(toyOptions(path, { recheck: 0.25 }))
    expect(repeated).toBeGreaterThan(30)
    expect(repeated).toBeLessThan(95)
  })

  test('that are lines of the file count too', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const line = linesOf(path).find(({ key }) => !key.startsWith('query:'))!
    appendFileSync(
      path,
      `${JSON.stringify({ ...line, value: { ...line.value, vqa_pred_answer: 'other' } })}\n`,
    )
    expect(await measure(toyOptions(path))).toMatchObject({ disagreements: 1, outcomes: 240 })
  })
})
