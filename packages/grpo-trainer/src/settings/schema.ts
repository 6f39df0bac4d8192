import { limitsAt, placeOfPath, valueAt } from './apply.ts'
import type { PhaseSetting } from './phase-settings.ts'
import type { Preset } from '../presets.ts'

/**
 * Settings of phases as a schema of `@lever/settings`: with the limits of the places they set, and with the default that each
 * preset gives them, as help shows it.
 */
export function phaseSchema<const S extends Readonly<Record<string, PhaseSetting>>>(
  settings: S,
  presets: Readonly<Record<string, Pick<Preset, 'phases'>>>,
): S {
  return Object.fromEntries(
    Object.entries(settings).map(([name, { to, max, ...setting }]) => {
      if (setting.type === 'flag') return [name, setting]
      const place = placeOfPath(to[0]!)!
      const { min, above, below, whole } = limitsAt(place)
      const unset = describeDefaults(
        Object.fromEntries(
          Object.entries(presets).map(([preset, { phases }]) => [preset, valueAt(phases, place)]),
        ),
      )
      return [
        name,
        {
          ...setting,
          unset,
          ...((min ?? above) !== undefined && { min: min ?? above }),
          ...((max ?? below) !== undefined && { max: max ?? below }),
          ...(whole && { whole }),
        },
      ]
    }),
  ) as unknown as S
}

/** `1`, or `1; recommended: 16` where presets differ. */
export function describeDefaults(values: Readonly<Record<string, unknown>>): string {
  const [[, first] = ['', '']] = Object.entries(values)
  const others = Object.entries(values).filter(([, value]) => value !== first)
  return [shown(first), ...others.map(([preset, value]) => `${preset}: ${shown(value)}`)].join('; ')
}

function shown(value: unknown): string {
  if (typeof value === 'number') return value > 0 && value < 1e-3 ? value.toExponential() : String(value)
  return typeof value === 'string' ? value : 'none'
}
