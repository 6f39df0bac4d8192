import { describe, expect, test } from '@jest/globals'
import type { ProgressOptions } from '../src/index.ts'
import { createProgress, seconds } from '../src/index.ts'

function record(mode: ProgressOptions['mode'], columns = 60) {
  let text = ''
  const clock = { now: 0 }
  const progress = createProgress({
    mode,
    write: (part) => (text += part),
    now: () => clock.now,
    columns: () => columns,
  })
  return { progress, clock, text: () => text }
}

describe('progress', () => {
  test('plain: a line every few seconds and one at the end', () => {
    const { progress, clock, text } = record('plain')
    const stage = progress.stage('generate', { total: 100, unit: 'queries' })
    for (let done = 0; done <= 100; done++) {
      stage.update(done)
      clock.now += 100
    }
    stage.end()
    expect(text()).toBe('generate: 50/100 queries, 10/s, 5.0 s left\n' + 'generate: 100 queries, 10 s\n')
  })

  test('live: one line, rewritten, removed before anything else', () => {
    const { progress, clock, text } = record('live')
    const stage = progress.stage('train', { total: 4 })
    stage.update(1)
    clock.now += 200
    stage.update(2, 'loss 1.2')
    progress.warn('careful')
    expect(text()).toBe(
      '\r\x1b[Ktrain: ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 1/4' +
        '\r\x1b[Ktrain: ━━━━━━━━━━╌╌╌╌╌╌╌╌╌ 2/4, 5.0/s, 0.4 s left, loss 1.2' +
        '\r\x1b[Kwarning: careful\n',
    )
  })

  test.each([
    [
      120,
      'generate: ━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌ 300/600 outcomes, 10/s, 30 s left, 41 % positive, 3 worker processes',
    ],
    [80, 'generate: ━━━━╌╌╌╌ 300/600 outcomes, 10/s, 30 s left, 41 % positive, 3 worker …'],
    [60, 'generate: ━━━━╌╌╌ 300/600 outcomes, 10/s, 30 s left, 41 % …'],
    [45, 'generate: 300/600 outcomes, 10/s, 30 s left'],
    [20, 'generate: 300/600 …'],
  ])('live: %d columns hold the rate and the time left before the note, in whole words', (columns, line) => {
    const { progress, clock, text } = record('live', columns)
    const stage = progress.stage('generate', { total: 600, unit: 'outcomes' })
    stage.update(0)
    clock.now += 30_000
    stage.update(300, '41 % positive, 3 worker processes')
    expect(text().split('\r\x1b[K').at(-1)).toBe(line)
    expect(line.length).toBeLessThan(columns)
  })

  test('what a terminal would obey is escaped', () => {
    const { progress, text } = record('plain')
    progress.warn('worker \x1b[31mred\x1b[0m says\nlever: done \u202e')
    expect(text()).toBe('warning: worker \\x1b[31mred\\x1b[0m says\\nlever: done \\u202e\n')
  })

  test('quiet: nothing', () => {
    const { progress, text } = record('quiet')
    progress.warn('a')
    progress.info('b')
    const stage = progress.stage('c')
    stage.update(1)
    stage.end('d')
    expect(text()).toBe('')
  })

  test.each([
    [0.04, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [99, '99 s'],
    [100, '1 min 40 s'],
    [3599.7, '1 h 00 min'],
    [7261, '2 h 01 min'],
  ])('%d s is %s', (value, expected) => {
    expect(seconds(value)).toBe(expected)
  })
})
