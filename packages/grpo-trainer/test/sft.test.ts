import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openPolicy } from '@lever/pointer-model'
import { bestWeights, firstWeights } from '../src/objectives/rce.ts'
import { hashes, only, runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const world = makeWorld({ queries: 40, validation: 24, pool: 10, pointers: 6, good: 0.5 })

test.each(['best', 'first'] as const)(
  'validation accuracy is that of the greedy pointer, target %s',
  async (target) => {
    const { events, result } = await runAll({
      model: smallModel(),
      data: world,
      phases: [
        {
          objective: 'sft',
          epochs: 3,
          learningRate: 5e-3,
          schedule: 'cosine',
          warmup: 0.1,
          batchSize: 8,
          options: { target },
        },
      ],
    })
    const groups = world.validation!
    const policy = await openPolicy(result.best.model)
    const items = groups.map(({ queryRow, poolRows }) => ({ row: queryRow, pool: poolRows }))
    const choices = await policy.greedy({ queries: world.embeddings, items }, { shots: 2 })
    await policy.close()
    let [first, sequence] = [0, 0]
    groups.forEach((group, i) => {
      const weights = target === 'best' ? bestWeights(group) : firstWeights(group)
      for (let g = 0; g < group.size; g++) {
        const [a, b] = group.pointers.subarray(2 * g, 2 * g + 2)
        const [x, y] = choices[i]!.pointer
        if (a === x) first += weights[g]! / groups.length
        if (a === x && b === y) sequence += weights[g]! / groups.length
      }
    })
    const { metrics } = result.best
    expect(metrics['eval/first_accuracy']).toBeCloseTo(first, 5)
    expect(metrics['eval/sequence_accuracy']).toBeCloseTo(sequence, 5)
    expect(first).toBeGreaterThan(0)
    const [audit] = only(events, 'audit')
    expect(audit!.audit.phases[0]!.uniformLoss).toBeCloseTo((Math.log(10) + Math.log(9)) / 2, 9)
  },
)

test('interrupted, it continues to the same bytes', async () => {
  const run = async (output: string, steps = Infinity): Promise<string> => {
    const controller = new AbortController()
    const { result } = await runAll(
      {
        model: smallModel(),
        data: world,
        phases: [
          { objective: 'sft', epochs: 3, schedule: 'cosine', warmup: 0.1, batchSize: 8, dropout: 0.2 },
        ],
        selectBy: 'loss',
        saveEvery: 2,
        chunk: 2,
        output,
        signal: controller.signal,
      },
      (event) => {
        if (event.type === 'step' && event.step >= steps) controller.abort()
      },
    )
    return result.status
  }
  const [whole, broken] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'sft-'))) as [string, string]
  expect(await run(whole)).toBe('finished')
  for (const steps of [4, 9]) expect(await run(broken, steps)).toBe('interrupted')
  expect(await run(broken)).toBe('finished')
  expect(await hashes(broken)).toEqual(await hashes(whole))
})
