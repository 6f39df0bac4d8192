import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { measuredStatic } from '@lever/icl-eval'
import type { PointerModel } from '@lever/pointer-model'
import type { StaticEffects } from '../engine/baselines.ts'
import { BUNDLE_FILES, type BundleManifest } from './manifest.ts'
import type { WriteBundleOptions } from './options.ts'

/**
 * What the examples of the library gain for every question: by measured RL data, else by what the training of the policy
 * found; undefined where neither says it.
 * @throws InputError if the data are not of examples of the library
 */
export async function staticEffects(
  { staticData, staticReward, dataset, shots, onNotice }: WriteBundleOptions,
  model: PointerModel | undefined,
): Promise<StaticEffects | undefined> {
  const ids = new Set(dataset.examples.map(({ id }) => id))
  const known = (effects: Iterable<readonly [number, number]>): StaticEffects =>
    new Map(Array.from(effects).filter(([id]) => ids.has(id)))
  if (staticData === undefined) {
    const { baseline } = model?.floor ?? {}
    if (baseline?.effects === undefined) return undefined
    return known(Object.entries(baseline.effects).map(([id, effect]) => [Number(id), effect]))
  }
  const measured = await measuredStatic({
    ...{ files: staticData, reward: staticReward, queries: [], shots },
    ...(onNotice && { onNotice }),
  })
  const effects = known(measured.effects)
  if (effects.size > 0) return effects
  throw new InputError(
    `selector: ${staticData.join(', ')} measured no example of the dataset; give RL data whose demonstrations come from it`,
  )
}

/** `static.json` of a bundle. */
export function encodeEffects(effects: StaticEffects): string {
  return `${JSON.stringify({ effects: Object.fromEntries(effects) })}\n`
}

/** Undefined where the bundle has none. */
export async function readEffects(
  folder: string,
  { files }: BundleManifest,
): Promise<StaticEffects | undefined> {
  if (!Object.hasOwn(files, BUNDLE_FILES.static)) return undefined
  const { effects } = JSON.parse(await readFile(join(folder, BUNDLE_FILES.static), 'utf8')) as {
    effects: Record<string, number>
  }
  return new Map(Object.entries(effects).map(([id, effect]) => [Number(id), effect]))
}
