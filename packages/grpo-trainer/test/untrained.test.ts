import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { isUntrained, readCheckpoint } from '@lever/pointer-model'
import type { PhaseOptions } from '../src/index.ts'
import { only, runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const world = makeWorld({ queries: 24, validation: 12, pool: 10, pointers: 8 })
const start = { model: smallModel(), data: world }
/** Too small a step to reorder any pointers. */
const idle: PhaseOptions = { objective: 'listwise', epochs: 1, learningRate: 1e-30, batchSize: 8 }

let output: string
beforeAll(async () => void (output = await mkdtemp(join(tmpdir(), 'lever-untrained-'))))
afterAll(() => rm(output, { recursive: true }))

describe('the best policy is the one from before the training', () => {
  test('never trained: said in words and in the checkpoint', async () => {
    const folder = join(output, 'new')
    const { events, result } = await runAll({ ...start, phases: [idle], output: folder })
    expect(result.best.phase).toBe('init')
    expect(only(events, 'warning').map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^the best policy is the untrained one, .*: no epoch was better on the 12 validation/,
      ),
    ])
    const { info } = await readCheckpoint(join(folder, 'checkpoints/best.safetensors'))
    expect(info).toMatchObject({ phase: 'init', trained: false, step: 0 })
    expect(isUntrained(info)).toBe(true)
    const again = await runAll({ ...start, phases: [idle], output: folder })
    expect(only(again.events, 'warning')).toHaveLength(1)
  })

  test('trained before: it is what training started from', async () => {
    const folder = join(output, 'continued')
    const options = { ...start, phases: [idle], output: folder, start: { phase: 'sft' } }
    const { events } = await runAll(options)
    expect(only(events, 'warning')[0]!.message).toMatch(
      /^the best policy is the one that training started from/,
    )
    const { info } = await readCheckpoint(join(folder, 'checkpoints/best.safetensors'))
    expect(info).toMatchObject({ phase: 'init', trained: true })
    expect(isUntrained(info)).toBe(false)
  })

  test('a policy that learns is not warned of, and its file says nothing of it', async () => {
    const folder = join(output, 'learns')
    const phases = [{ ...idle, epochs: 4, learningRate: 0.02 }]
    const { events, result } = await runAll({ ...start, phases, output: folder })
    expect(result.best.phase).toBe('listwise')
    expect(only(events, 'warning')).toEqual([])
    const { info } = await readCheckpoint(join(folder, 'checkpoints/best.safetensors'))
    expect(info).not.toHaveProperty('trained')
    expect([isUntrained(info), isUntrained({}), isUntrained({ phase: 'init' })]).toEqual([false, false, true])
  })
})

test('a group of 200,000 measured pointers is validated', async () => {
  const group = world.groups[0]!
  const size = 200_000
  const many = {
    ...group,
    size,
    pointers: Int32Array.from({ length: size * 2 }, (_, i) => group.pointers[i % group.pointers.length]!),
    rewards: new Float64Array(size),
    rawRewards: Float64Array.from({ length: size }, (_, g) => g / size),
    logProbs: null,
  }
  const { queryRewards } = await import('../src/reward-metrics.ts')
  const [row] = queryRewards([many], [many.rawRewards], [group.pointers.slice(0, 2)])
  expect(row).toMatchObject({ oracle: (size - 1) / size, top: (size - 1) / size })
})
