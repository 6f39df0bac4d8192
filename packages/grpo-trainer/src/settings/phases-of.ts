import { InputError } from '@lever/durable-files'
import type { PhaseOptions } from '../phases.ts'
import { parseAssignment, placeOfPath, setPlace, valueAt } from './apply.ts'
import type { Place } from './apply.ts'
import { PHASE_SETTINGS } from './phase-settings.ts'
import type { PhaseSetting, Value } from './phase-settings.ts'

type Values = Readonly<Record<string, unknown>>

/**
 * The phases of a preset with what settings change; `set` has the last word.
 * @throws InputError if settings exclude each other or have no effect, and for a place in `set` that does not exist
 */
export function phasesOf(preset: readonly PhaseOptions[], values: Values): PhaseOptions[] {
  refuseContradictions(values)
  let phases: PhaseOptions[] = [...preset]
  for (const [name, setting] of Object.entries(PHASE_SETTINGS)) {
    const given = values[name]
    if (given === undefined || given === false) continue
    const value = setting.value ?? (given as Value)
    for (const place of placesIn(phases, name, setting, value)) phases = setPlace(phases, place, value)
  }
  for (const text of (values['set'] ?? []) as readonly string[]) {
    phases = setPlace(phases, ...parseAssignment(text))
  }
  refuseWithoutEffect(values, phases)
  return phases
}

/** The places that a setting sets: of several objectives those that are there. */
function placesIn(
  phases: readonly PhaseOptions[],
  name: string,
  { to }: PhaseSetting,
  value: unknown,
): readonly Place[] {
  const places = to.map((path) => placeOfPath(path)!)
  const objectives = [...new Set(places.map(({ objective }) => objective))]
  if (objectives.length === 1) return places
  const there = places.filter((place) => phases.some(({ objective }) => objective === place.objective))
  if (there.length === 0 && value !== 0) {
    throw new InputError(
      `${flagOf(name)} applies only to ${objectives.map((one) => one.toUpperCase()).join(' and ')}, and there is no such phase; leave it out`,
    )
  }
  return there
}

/** `--pool-size` for `poolSize`. */
function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function refuseContradictions({ rceUseRawReward, rceUseNormalizedReward, ...values }: Values): void {
  if (rceUseRawReward === true && rceUseNormalizedReward === true) {
    throw new InputError('--rce-use-raw-reward and --rce-use-normalized-reward exclude each other; give one')
  }
  const { klBeta = 0, clipEpsilon = 0 } = values as { klBeta?: number; clipEpsilon?: number }
  if (values['usePpoClipOnly'] === true && klBeta > 0) {
    throw new InputError(
      `--use-ppo-clip-only leaves out the KL term that --kl-beta ${klBeta} asks for; give one of them`,
    )
  }
  if (clipEpsilon >= 1) {
    throw new InputError(
      `--clip-epsilon is ${clipEpsilon}; give a number below 1: the ratio is clipped to 1 - epsilon .. 1 + epsilon and is never below 0 (a higher upper bound alone: --set grpo.clipHigh=${clipEpsilon})`,
    )
  }
}

/** @throws InputError for settings of GRPO that others, of `set` too, make void */
function refuseWithoutEffect(values: Values, phases: readonly PhaseOptions[]): void {
  const grpo = (key: 'beta' | 'oldPolicy' | 'behaviour'): unknown =>
    phases.find((phase) => phase.objective === 'grpo')?.options?.[key] ??
    valueAt([], { objective: 'grpo', key })
  if (values['usePpoClipOnly'] === true && grpo('beta') !== 0) {
    throw new InputError(
      `--use-ppo-clip-only leaves out the KL term that grpo.beta=${String(grpo('beta'))} asks for; give one of them`,
    )
  }
  if (Number(values['numIterations'] ?? 1) > 1 && grpo('oldPolicy') !== 'epoch') {
    throw new InputError(
      `--num-iterations counts the epochs against an old policy that is taken anew, and grpo.oldPolicy is ${String(grpo('oldPolicy'))}; give --set grpo.oldPolicy=epoch, or leave it out`,
    )
  }
  if (values['importanceSamplingCap'] !== undefined && grpo('behaviour') === 'none') {
    throw new InputError(
      '--importance-sampling-cap has no effect without --importance-sampling-mode truncate or mask; give it too',
    )
  }
}
