import { describe, expect, test } from '@jest/globals'
import { phasesOf, PRESETS } from '../src/index.ts'
import type { PhaseOptions } from '../src/phases.ts'
import { resolvePhase } from '../src/phases.ts'
import type { AddedObjective } from '../src/terms.ts'
import { only, runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const world = makeWorld({ queries: 24, validation: 8, pool: 10, pointers: 8 })
const start = { model: smallModel(), data: world }
const phase: PhaseOptions = { objective: 'listwise', epochs: 1, batchSize: 8, dropFlat: false }
const rce = { temperatureStart: 0.5, temperatureEnd: 0.5 }

describe('objectives that are added', () => {
  test('the loss is the weighted sum, on the same pointers', async () => {
    const added = { ...phase, plus: [{ objective: 'rce' as const, weight: 0.3, options: rce }] }
    const first = async (one: PhaseOptions): Promise<Readonly<Record<string, number>>> => {
      const { events } = await runAll({ ...start, phases: [one] })
      return only(events, 'step')[0]!.metrics
    }
    const both = await first(added)
    const listwise = await first(phase)
    const alone = await first({ ...phase, objective: 'rce', options: rce })
    expect(both['own_loss']).toBeCloseTo(listwise['loss']!, 5)
    expect(both['rce/loss']).toBeCloseTo(alone['loss']!, 5)
    expect(both['loss']).toBeCloseTo(listwise['loss']! + 0.3 * alone['loss']!, 5)
    expect(both['rce/temperature']).toBe(0.5)
    expect(Object.keys(listwise)).not.toContain('own_loss')
  })

  test('the loss of a policy that knows nothing adds up too', async () => {
    const { events } = await runAll({
      ...start,
      phases: [{ ...phase, plus: [{ objective: 'rce', weight: 0.5 }] }],
    })
    const { audit } = only(events, 'audit')[0]!
    const uniform = Math.log(8) + 0.5 * (Math.log(10) + Math.log(9))
    expect(audit.phases[0]!.uniformLoss).toBeCloseTo(uniform, 10)
  })

  test.each([
    [[{ objective: 'grpo' }], /grpo added to phase listwise compares with policies of other moments/],
    [[{ objective: 'listwise' }], /is there already/],
    [[{ objective: 'rce' }, { objective: 'rce' }], /is there already/],
    [[{ objective: 'rce', weight: -1 }], /must have a weight from 0, got -1/],
    [[{ objective: 'rce', options: { temperature: 1 } }], /rce has no option "temperature"/],
    [[{ objective: 'ppo' }], /is no objective; add sft, rce, listwise, grpo/],
  ] as const)('%j is refused', (plus, message) => {
    expect(() => resolvePhase({ ...phase, plus: plus as unknown as AddedObjective[] })).toThrow(message)
  })

  test('--set adds one, and changes it', () => {
    const set = ['listwise+rce.weight=0.3', 'listwise+rce.temperatureStart=0.2']
    const [first] = phasesOf([phase], { set })
    expect(first!.plus).toEqual([{ objective: 'rce', weight: 0.3, options: { temperatureStart: 0.2 } }])
    const [again] = phasesOf([first!], { set: ['listwise+rce.weight=1'] })
    expect(again!.plus).toEqual([{ objective: 'rce', weight: 1, options: { temperatureStart: 0.2 } }])
    expect(() => phasesOf(PRESETS.default.phases, { set: ['listwise+ppo.weight=1'] })).toThrow(
      /"listwise\+ppo.weight=1" is not PHASE.KEY=VALUE/,
    )
  })
})

test('scaled rewards do not depend on their unit', async () => {
  const scaled: PhaseOptions<'listwise'> = {
    ...phase,
    options: { reward: 'scaled', temperatureStart: 0.5, temperatureEnd: 0.5 },
  }
  const times = (factor: number): typeof world => ({
    ...world,
    groups: world.groups.map((group) => ({
      ...group,
      rawRewards: group.rawRewards.map((reward) => factor * reward),
    })),
  })
  const lossOf = async (data: typeof world, one: PhaseOptions): Promise<number> => {
    const { events } = await runAll({ ...start, data, phases: [one] })
    return only(events, 'step').at(-1)!.metrics['loss']!
  }
  expect(await lossOf(times(8), scaled)).toBe(await lossOf(world, scaled))
  const raw: PhaseOptions<'listwise'> = { ...scaled, options: { ...scaled.options, reward: 'raw' } }
  expect(await lossOf(times(8), raw)).not.toBeCloseTo(await lossOf(world, raw), 2)
})
