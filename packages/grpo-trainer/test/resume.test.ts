import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { PhaseOptions } from '../src/phases.ts'
import { hashes, only, runAll, settings, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const data = makeWorld({ queries: 24, validation: 8, pool: 6, pointers: 5 })
const phases: PhaseOptions[] = [
  { objective: 'rce', epochs: 3, learningRate: 0.01, batchSize: 4, dropout: 0.3, average: 0.3 },
  { objective: 'grpo', epochs: 2, learningRate: 0.003, batchSize: 5, options: { numIterations: 2 } },
]
const start = { model: smallModel(), data, phases, chunk: 2, tensorboard: true }
let folder: string
let expected: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lever-train-'))
  await runAll({ ...start, output: join(folder, 'whole') })
  expected = await hashes(join(folder, 'whole'))
})
afterAll(() => rm(folder, { recursive: true }))

test('the files', () => {
  expect(Object.keys(expected)).toEqual([
    ...['best', 'grpo_epoch1', 'grpo_epoch2', 'last', 'rce_epoch1', 'rce_epoch2', 'rce_epoch3', 'state'].map(
      (name) => `checkpoints/${name}.safetensors`,
    ),
    'metrics.jsonl',
    'tensorboard/events.out.tfevents.0.lever',
  ])
})

test('metrics.jsonl and the checkpoints say where they come from', async () => {
  const text = await readFile(join(folder, 'whole', 'metrics.jsonl'), 'utf8')
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(rows[0]).toMatchObject({ event: 'audit', queries: 24 })
  expect(rows[1]).toMatchObject({ event: 'validation', phase: 'rce', epoch: 0, step: 0 })
  expect(rows[2]).toMatchObject({ phase: 'rce', step: 1, learning_rate: 0.01 })
  expect(rows.filter(({ event }) => event === undefined)).toHaveLength(3 * 6 + 2 * 4)
  const { info } = await readCheckpoint(join(folder, 'whole', 'checkpoints', 'grpo_epoch2.safetensors'))
  expect(info).toMatchObject({ phase: 'grpo', epoch: 2, step: 8, training: { seed: 0 } })
  expect(info.metrics!['eval/reward']).toBeGreaterThan(0)
})

describe('interrupted and resumed, the bytes are the same', () => {
  const random = createRandom(3, 'interruptions')
  test.each(Array.from({ length: 3 }, (_, i) => [i, random.int(20) + 1] as const))(
    'by signal, run %i, around step %i and again later',
    async (run, step) => {
      const output = join(folder, `signal${run}`)
      for (const limit of [step, step + 3]) {
        const controller = new AbortController()
        const { result } = await runAll({ ...start, output, signal: controller.signal }, (event) => {
          if (event.type === 'step' && event.step >= limit) controller.abort()
        })
        expect(result.status).toBe('interrupted')
      }
      const { events, result } = await runAll({ ...start, output })
      expect(only(events, 'notice')[0]!.message).toMatch(/^continues after step \d+$/)
      expect(result.status).toBe('finished')
      expect(await hashes(output)).toEqual(expected)
    },
  )

  test('by SIGKILL', async () => {
    const output = join(folder, 'killed')
    for (const step of [5, 16, 24]) await killAt(step, output)
    await runAll({ ...start, output })
    expect(await hashes(output)).toEqual(expected)
  })

  test('what a killed writer left behind is removed', async () => {
    const output = join(folder, 'left')
    await mkdir(join(output, 'checkpoints'), { recursive: true })
    await writeFile(join(output, 'checkpoints', '.last.safetensors.123-4.tmp'), 'torn')
    await runAll({ ...start, output })
    expect(await hashes(output)).toEqual(expected)
  })

  test('a finished training is not trained again', async () => {
    const { events, result } = await runAll({ ...start, output: join(folder, 'whole') })
    expect(only(events, 'step')).toEqual([])
    expect(only(events, 'notice')[0]!.message).toBe('this training is finished')
    expect(result).toMatchObject({ status: 'finished', last: { phase: 'grpo', epoch: 2 } })
    expect(await hashes(join(folder, 'whole'))).toEqual(expected)
  })
})

describe('refused, with nothing overwritten', () => {
  test.each([
    ['seed: 0 there, 1 here', { seed: 1 }],
    ['phases: [', { phases: [phases[0]!] }],
    ['data: "', { data: makeWorld({ queries: 24, validation: 8, pool: 6, pointers: 5, seed: 2 }) }],
  ])('another training: %s', async (message, change) => {
    const output = join(folder, 'whole')
    const attempt = runAll({ ...start, ...change, output })
    await expect(attempt).rejects.toThrow(message)
    await expect(attempt).rejects.toMatchObject({ code: 'LEVER_INPUT' })
    expect(await hashes(output)).toEqual(expected)
  })

  test('a log that something else wrote', async () => {
    const output = join(folder, 'foreign')
    await mkdir(output)
    for (const text of ['{"loss":1}\n', 'not JSON']) {
      await writeFile(join(output, 'metrics.jsonl'), text)
      await expect(runAll({ ...start, output })).rejects.toThrow(
        'was not written by a training of this package and is not overwritten',
      )
      expect(await readFile(join(output, 'metrics.jsonl'), 'utf8')).toBe(text)
    }
    await writeFile(join(output, 'metrics.jsonl'), '{"eve')
    await runAll({ ...start, output })
    expect(await hashes(output)).toEqual(expected)
  })

  test('a log that lost its end', async () => {
    const output = join(folder, 'log')
    const controller = new AbortController()
    await runAll({ ...start, output, signal: controller.signal }, (event) => {
      if (event.type === 'step') controller.abort()
    })
    const path = join(output, 'metrics.jsonl')
    await appendFile(path, '{"torn')
    const { result } = await runAll({ ...start, output, signal: AbortSignal.abort() })
    expect(result.status).toBe('interrupted')
    expect(await readFile(path, 'utf8')).not.toContain('torn')
    await rm(path)
    await expect(runAll({ ...start, output })).rejects.toThrow('metrics.jsonl has 0 bytes, but')
  })
})

/** Trains in another process and kills it when it has made a step. */
async function killAt(step: number, output: string): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('kill.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const input = { output, data, phases, settings }
  child.stdin.end(
    JSON.stringify(input, (_key, value: unknown) =>
      ArrayBuffer.isView(value)
        ? { typed: value.constructor.name, values: Array.from(value as Float32Array) }
        : value,
    ),
  )
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.split('\n').some((line) => Number(line) >= step)) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
}
