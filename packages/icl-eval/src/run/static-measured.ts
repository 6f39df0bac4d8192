import { hashFile, InputError, requirePath } from '@lever/durable-files'
import { mainEffects } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { measuredQueries } from '../offline/measured-queries.ts'
import type { MeasuredOutcome } from '../offline/measured-queries.ts'
import type { Reporting } from '../progress.ts'
import type { Example } from '../types.ts'
import type { MeasuredStaticRecord } from './records.ts'

/** What main effects are estimated from. */
export type StaticReward = 'expected' | 'accuracy'

/** RL data to estimate main effects from. */
export interface MeasuredStaticOptions extends Pick<Reporting, 'onNotice'> {
  /** RL data of other questions. */
  readonly files: readonly string[]
  /** Default the expected accuracy, where every outcome has one. */
  readonly reward?: StaticReward | undefined
  /** The evaluated questions: what was measured on them, or on others about their images, is left out. */
  readonly queries: readonly Pick<Example, 'id' | 'imageId'>[]
  /** Largest number of demonstrations. */
  readonly shots: number
}

export const MEASURED_STATIC_OPTIONS: OptionNames<MeasuredStaticOptions> = {
  files: true,
  reward: true,
  queries: true,
  shots: true,
  onNotice: true,
}

/** The main effect of every example that was measured, and how it was found. */
export interface MeasuredStatic {
  readonly effects: ReadonlyMap<number, number>
  readonly record: MeasuredStaticRecord
}

/**
 * Main effects from measured RL data alone; no model is asked.
 * @throws InputError if a file is not RL data, if what is asked for was not measured, or if all of it was
 * measured on the evaluated questions or their images
 */
export async function measuredStatic(options: MeasuredStaticOptions): Promise<MeasuredStatic> {
  refuseUnknownOptions(options, MEASURED_STATIC_OPTIONS, 'icl-eval: measuredStatic')
  const { files, queries, shots, onNotice } = options
  const evaluated = new Set(queries.map(imageOf))
  const kept: (readonly MeasuredOutcome[])[] = []
  const hashes: string[] = []
  let shared = 0
  for (const file of files) {
    await requirePath(file, '--static-data')
    hashes.push(await hashFile(file))
    for (const { query, outcomes } of measuredQueries(await readRlData(file), { expectedAlone: true })
      .queries) {
      if (evaluated.has(imageOf(query))) shared += 1
      else kept.push(outcomes.filter(({ ids }) => ids.length > 0))
    }
  }
  if (kept.length === 0) {
    throw new InputError(
      `--static-data ${files.join(', ')}: all of its questions are about images that are evaluated here; give what was measured on other questions`,
    )
  }
  if (shared > 0) {
    onNotice?.(`static: left out ${shared} questions of --static-data about images that are evaluated here`)
  }
  const outcomes = kept.flat()
  const reward =
    options.reward ?? (outcomes.every((one) => one.expected !== undefined) ? 'expected' : 'accuracy')
  const value = ({ expected = NaN, accuracy }: MeasuredOutcome): number =>
    reward === 'expected' ? expected : accuracy
  if (outcomes.some((one) => Number.isNaN(value(one)))) {
    const [missing, other] =
      reward === 'expected' ? ['an expected accuracy', 'accuracy'] : ['an accuracy', 'expected']
    throw new InputError(
      `--static-reward ${reward}: ${files.join(', ')} has outcomes without ${missing}; give ${other}`,
    )
  }
  const found = mainEffects(
    kept.map((list) => ({ pointers: list.map((one) => ({ ids: one.ids, value: value(one) })) })),
  )
  const effects = new Map(Array.from(found.effects, ([id, { effect }]) => [id, effect]))
  const best = [...effects].sort(([, a], [, b]) => b - a).slice(0, shots)
  return {
    effects,
    record: {
      ...{ by: 'effects', files, hashes, reward },
      ...{ questions: kept.length, outcomes: outcomes.length, examples: effects.size },
      ...{ shrinkage: found.shrinkage, between: found.between, within: found.within },
      best: best.map(([id, effect]) => ({ id, effect })),
    },
  }
}

/** Questions without an image share nothing with others. */
const imageOf = ({ id, imageId }: Pick<Example, 'id' | 'imageId'>): string =>
  imageId === null ? `question ${id}` : `image ${imageId}`
