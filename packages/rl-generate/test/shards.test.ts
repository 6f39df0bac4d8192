import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { mergeShards, parseShard, shardQueries, type MeasureOptions } from '../src/index.ts'
import { examples, freshPath, measure, queries, sortedText, toyOptions } from './scripted.ts'

describe('parseShard', () => {
  test.each([
    ['0/1', {}, { index: 0, count: 1 }],
    ['6/7', {}, { index: 6, count: 7 }],
    ['auto/7', { JOB_COMPLETION_INDEX: '3' }, { index: 3, count: 7 }],
    ['auto/7', { SLURM_ARRAY_TASK_ID: '3' }, { index: 3, count: 7 }],
    [
      'auto',
      { SLURM_ARRAY_TASK_ID: '4', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '8' },
      { index: 3, count: 8 },
    ],
    [
      'auto',
      {
        SLURM_ARRAY_TASK_ID: '14',
        SLURM_ARRAY_TASK_MIN: '0',
        SLURM_ARRAY_TASK_MAX: '14',
        SLURM_ARRAY_TASK_STEP: '2',
        SLURM_ARRAY_TASK_COUNT: '8',
      },
      { index: 7, count: 8 },
    ],
    [
      'auto/8',
      {
        SLURM_ARRAY_TASK_ID: '3',
        SLURM_ARRAY_TASK_MIN: '3',
        SLURM_ARRAY_TASK_MAX: '3',
        SLURM_ARRAY_TASK_COUNT: '1',
      },
      { index: 3, count: 8 },
    ],
  ])('%s with %o', (text, env, expected) => {
    expect(parseShard(text, env)).toEqual(expected)
  })

  test.each(['7/7', '-1/7', '1', '1/0', 'a/b', '', 'auto', 'auto/3', '1/2/3', '0x1/2'])(
    'refuses %s',
    (text) => {
      expect(() => parseShard(text)).toThrow(/is not a shard; write i\/n/)
    },
  )
})

describe('counts of the environment', () => {
  test('a task of an array that starts at 1 is told so, in every task', () => {
    const array = { SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_MAX: '8', SLURM_ARRAY_TASK_COUNT: '8' }
    for (const id of ['1', '5', '8']) {
      expect(() => parseShard('auto/8', { ...array, SLURM_ARRAY_TASK_ID: id })).toThrow(
        /needs array tasks from 0 to 7, and this array goes to 8; submit it with --array=0-7/,
      )
    }
  })

  test('an index beyond the count, and an array with gaps', () => {
    expect(() => parseShard('auto/4', { JOB_COMPLETION_INDEX: '4' })).toThrow(/index found: 4, count: 4/)
    expect(() => parseShard('auto', { JOB_COMPLETION_INDEX: '1' })).toThrow(/count: none/)
    const gaps = {
      SLURM_ARRAY_TASK_ID: '5',
      SLURM_ARRAY_TASK_MIN: '3',
      SLURM_ARRAY_TASK_MAX: '5',
      SLURM_ARRAY_TASK_COUNT: '2',
    }
    expect(() => parseShard('auto', gaps)).toThrow(/has gaps.*write auto\/n/)
  })
})

test.each([1, 2, 7, 40, 100])('%i shards cover all queries once, sizes differ by at most one', (count) => {
  const shards = Array.from({ length: count }, (_, index) => shardQueries(examples, { index, count }))
  expect(
    shards
      .flat()
      .map(({ id }) => id)
      .sort((a, b) => a - b),
  ).toEqual(examples.map(({ id }) => id))
  const sizes = shards.map(({ length }) => length)
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
})

test('a shard holds the queries of an image together where it can', () => {
  const shards = [0, 1, 2, 3].map((index) => shardQueries(examples, { index, count: 4 }))
  const images = shards.map((shard) => new Set(shard.map(({ imageId }) => imageId)).size)
  expect(images.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(30 + 3)
})

async function measureShards(count: number, changes: Partial<MeasureOptions> = {}): Promise<string[]> {
  const paths: string[] = []
  for (let index = 0; index < count; index++) {
    paths.push(freshPath(`shard-${index}.jsonl`))
    await measure(toyOptions(paths[index]!, { shard: { index, count }, ...changes }))
  }
  return paths
}

describe('merging', () => {
  const reference = freshPath()
  const whole = measure(toyOptions(reference))

  test.each([1, 2, 7])(
    '%i shards gives the lines of a run without shards, in any order of files',
    async (count) => {
      await whole
      const paths = await measureShards(count, { concurrency: 3 })
      const out = freshPath()
      const report = await mergeShards({ paths, out })
      expect(report).toEqual({ queries: 20, outcomes: 240, repeated: 0, disagreements: 0, missing: [] })
      expect(sortedText(out)).toBe(sortedText(reference))
      const other = freshPath()
      await mergeShards({ paths: paths.toReversed(), out: other })
      expect(readFileSync(other, 'utf8')).toBe(readFileSync(out, 'utf8'))
      expect(await measure(toyOptions(out))).toMatchObject({ resumed: 240, measured: 0 })
      await mergeShards({ paths, out })
    },
  )

  test('refuses what is missing, unless asked for a part', async () => {
    const paths = await measureShards(3)
    await expect(mergeShards({ paths: paths.slice(1), out: freshPath() })).rejects.toThrow(
      /shards are not complete: shard 0\/3 is not among the files/,
    )
    const report = await mergeShards({ paths: paths.slice(1), out: freshPath(), partial: true })
    expect(report.missing).toEqual(['shard 0/3 is not among the files'])
    const unfinished = freshPath()
    let calls = 0
    const answer: MeasureOptions['answer'] = (prompts) =>
      ++calls === 3 ? Promise.reject(new Error('cut')) : Promise.resolve(prompts.map(() => ({ text: 'x' })))
    const shard = { index: 0, count: 3 }
    await expect(measure(toyOptions(unfinished, { shard, answer, imageBudget: 1 }))).rejects.toThrow('cut')
    await expect(mergeShards({ paths: [unfinished, ...paths.slice(1)], out: freshPath() })).rejects.toThrow(
      /shard 0\/3 .* has 2 of 6 queries/,
    )
    const started = freshPath()
    calls = 0
    await expect(measure(toyOptions(started, { shard, answer }))).rejects.toThrow('cut')
    await expect(mergeShards({ paths: [started, ...paths.slice(1)], out: freshPath() })).rejects.toThrow(
      /query \d+ \(.*\) has \d+ of 12 outcomes/,
    )
  })

  test('refuses files that do not belong together', async () => {
    await whole
    const [a, b] = await measureShards(2)
    const { meta } = toyOptions('')
    const [foreign] = await measureShards(2, { meta: { ...meta, protocol: { hash: 'p2' } } })
    const [fewer] = await measureShards(2, { queries: queries.slice(1) })
    const merge = (...paths: string[]) => mergeShards({ paths, out: freshPath() })
    await expect(merge(foreign!, b!)).rejects.toThrow(
      /not of one generation: _meta\.protocol\.hash: "p2" there, "p1" here/,
    )
    await expect(merge(fewer!, b!)).rejects.toThrow(/not of one generation: shard\.ids/)
    await expect(merge(a!, b!, a!)).rejects.toThrow(/shard 0\/2 is given twice/)
    await expect(merge(a!, reference)).rejects.toThrow(/is not the journal of a shard/)
    await expect(merge()).rejects.toThrow(/no shards to merge/)
    await expect(mergeShards({ paths: [a!, b!], out: foreign! })).rejects.toThrow(
      /exists and holds something else/,
    )
    await expect(measure(toyOptions(a!, { shard: { index: 1, count: 2 } }))).rejects.toThrow(
      /shard\.index: 0 there, 1 here/,
    )
  })
})
