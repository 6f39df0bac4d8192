import { describe, expect, test } from '@jest/globals'
import { readSettings } from '@lever/settings'
import type { Schema, Setting } from '@lever/settings'
import { BACKBONE, OBJECTIVES, planSft, planTraining, resolvePhase } from '../src/index.ts'
import { PHASE_SETTINGS, SFT_SCHEMA, TRAIN_SCHEMA } from '../src/index.ts'
import type { ObjectiveName, PhaseOptions, SftSettings, TrainSettings } from '../src/index.ts'

const TRAIN: Schema = TRAIN_SCHEMA
const SFT: Schema = SFT_SCHEMA

const FILES = { rlData: ['a.json'], embeddings: 'e.safetensors', out: 'run' }

/** A training as it would run: with every default of its phases filled in. */
function resolved(schema: Schema, given: Readonly<Record<string, unknown>>): unknown {
  const settings = readSettings(schema, { ...FILES, ...given })
  const plan = schema === TRAIN ? planTraining(settings as TrainSettings) : planSft(settings as SftSettings)
  return { ...plan, phases: plan.phases.map(resolvePhase) }
}

/** Other values than the default, of the type of the setting. */
function otherValues(setting: Setting): readonly unknown[] {
  switch (setting.type) {
    case 'flag':
      return [setting.default !== true]
    case 'number': {
      const { min = 0, max = Infinity, whole } = setting
      return [Math.min(min + (whole ? 7 : 0.37), max)]
    }
    case 'numbers':
      return [Array.from({ length: setting.count ?? 2 }, (_, i) => i + 0.5)]
    case 'list':
      return [setting.aliases?.includes('beam-data') ? ['b.json'] : ['rce.top1=first'], ['sft.target=all']]
    case 'text':
      return setting.choices?.filter((choice) => choice !== setting.default) ?? ['another']
  }
}

/** Surroundings in which a setting may matter that does not in the default ones. */
const AROUND: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { preset: 'recommended' },
  { importanceSamplingMode: 'truncate' },
  { set: ['rce.reward=raw'] },
  { rceUseRawReward: true },
]

describe.each([
  ['train', TRAIN],
  ['sft', SFT],
] as const)('%s', (_, schema) => {
  test.each(Object.entries(schema))('%s changes the training, or is refused', (name, setting) => {
    const outcomes = AROUND.filter((around) => Object.keys(around).every((key) => key in schema)).flatMap(
      (around) => {
        const before = resolved(schema, around)
        return otherValues(setting).map((value) => {
          try {
            expect(resolved(schema, { ...around, [name]: value })).not.toEqual(before)
            return 'changes'
          } catch (error) {
            return (error as { code?: string }).code === 'LEVER_INPUT' ? 'refused' : 'nothing'
          }
        })
      },
    )
    expect(outcomes.some((outcome) => outcome !== 'nothing')).toBe(true)
  })
})

describe('a setting of phases', () => {
  test.each(Object.entries(PHASE_SETTINGS))('%s names places that are there', (name, { to, ...setting }) => {
    for (const path of to) {
      const [objective, key] = path.split('.') as [ObjectiveName | '*', string]
      const phase = resolvePhase({ objective: objective === '*' ? 'rce' : objective, epochs: 0 })
      expect({ ...phase, ...phase.options }).toHaveProperty(key)
      const { choices } = setting
      const allowed = objective === '*' ? undefined : OBJECTIVES[objective].choices[key]
      const ofObjective = choices?.filter((choice) => choice !== 'agreement')
      if (ofObjective !== undefined && allowed !== undefined) expect(ofObjective).toEqual(allowed)
      if (setting.value !== undefined && allowed !== undefined) expect(allowed).toContain(setting.value)
    }
    expect(setting.type === 'flag').toBe(setting.value !== undefined)
    if (name === 'freezeBackbone') expect(setting.value).toEqual(BACKBONE)
  })

  test('the default that help shows is the one that the preset trains with', () => {
    const given = {
      rceEpochs: '5; recommended: 0',
      warmup: '0; recommended: 0.03',
      batchSize: '1; recommended: 16',
    }
    for (const [name, unset] of Object.entries(given)) expect(TRAIN[name]).toMatchObject({ unset })
    expect(TRAIN['hidden']).toMatchObject({ unset: '256; recommended: 64', min: 1, whole: true })
    expect(SFT['warmup']).toMatchObject({ unset: '0.05', min: 0, max: 0.99 })
    const warmupOf = (given: Readonly<Record<string, unknown>>): number =>
      (resolved(TRAIN, given) as { phases: Required<PhaseOptions>[] }).phases[0]!.warmup
    expect([warmupOf({}), warmupOf({ preset: 'recommended' })]).toEqual([0, 0.03])
  })
})
