import { InputError } from '@lever/durable-files'
import { nearest } from '@lever/settings'
import { FIELDS, FIELD_NAMES, resolvePhase } from '../phases.ts'
import type { FieldName, PhaseOptions } from '../phases.ts'
import { OBJECTIVE_NAMES, OBJECTIVES } from '../objectives/index.ts'
import type { ObjectiveName } from '../objectives/index.ts'
import type { OptionValue } from '../objectives/types.ts'
import type { Limits } from '../limits.ts'
import type { AddedObjective } from '../terms.ts'
import type { Value } from './phase-settings.ts'

/** A place in phases. */
export interface Place {
  readonly objective: ObjectiveName | '*'
  /** An objective that is added to that phase, of which the place is. */
  readonly added?: ObjectiveName
  /** A field of a phase, or an option of its objective; of an added one its weight or an option. */
  readonly key: string
}

/** The place that `OBJECTIVE.KEY`, `OBJECTIVE+ADDED.KEY` or `*.KEY` names; undefined if there is no such objective. */
export function placeOfPath(path: string): Place | undefined {
  const [, name = '', other, key = ''] = /^([\w-]+|\*)(?:\+([\w-]+))?\.(\w+)$/.exec(path) ?? []
  const objective = name === '*' ? '*' : OBJECTIVE_NAMES.find((known) => known === name)
  const added = OBJECTIVE_NAMES.find((known) => known === other)
  if (objective === undefined || (other !== undefined && added === undefined)) return undefined
  return { objective, ...(added && { added }), key }
}

const isField = (key: string): key is FieldName => (FIELD_NAMES as readonly string[]).includes(key)

/**
 * Phases with another value in a place. A phase that is not there is added, without epochs, in the order of the objectives.
 */
export function setPlace(
  phases: readonly PhaseOptions[],
  { objective, added, key }: Place,
  value: Value,
): PhaseOptions[] {
  const isThere = objective === '*' || phases.some((phase) => phase.objective === objective)
  const all = isThere ? phases : insert(phases, { objective, epochs: 0 })
  return all.map((phase) => {
    if (objective !== '*' && phase.objective !== objective) return phase
    if (added !== undefined) return { ...phase, plus: setAdded(phase.plus ?? [], added, key, value) }
    if (isField(key)) return { ...phase, [key]: value }
    return { ...phase, options: { ...phase.options, [key]: value as OptionValue } }
  })
}

/** Added objectives with another weight or option of one, which is added if it is not there. */
function setAdded(
  plus: readonly AddedObjective[],
  objective: ObjectiveName,
  key: string,
  value: Value,
): AddedObjective[] {
  const all = plus.some((one) => one.objective === objective) ? plus : [...plus, { objective }]
  return all.map((one) => {
    if (one.objective !== objective) return one
    if (key === 'weight') return { ...one, weight: value as number }
    return { ...one, options: { ...one.options, [key]: value as OptionValue } }
  })
}

function insert(phases: readonly PhaseOptions[], added: PhaseOptions): PhaseOptions[] {
  const order = (phase: PhaseOptions): number => OBJECTIVE_NAMES.indexOf(phase.objective)
  return [...phases, added].sort((a, b) => order(a) - order(b))
}

/** The value in a place, with defaults; of `*` in the first phase that has epochs. */
export function valueAt(phases: readonly PhaseOptions[], { objective, key }: Place): unknown {
  const found =
    objective === '*'
      ? (phases.find(({ epochs }) => epochs > 0) ?? phases[0])
      : phases.find((phase) => phase.objective === objective)
  const phase = resolvePhase(found ?? { objective: objective as ObjectiveName, epochs: 0 })
  return isField(key) ? phase[key] : phase.options[key]
}

/** The limits of numbers in a place. */
export function limitsAt({ objective, key }: Place): Limits {
  if (isField(key)) return FIELDS[key].limits ?? {}
  return OBJECTIVES[objective as ObjectiveName].limits[key] ?? {}
}

/**
 * A setting as text: `PHASE.KEY=VALUE`.
 * @throws InputError if it is not of that form, or there is no such phase
 */
export function parseAssignment(text: string): [Place, Value] {
  const at = text.indexOf('=')
  const place = at < 0 ? undefined : placeOfPath(text.slice(0, at))
  if (place === undefined) {
    const near = nearest(text.split(/[.+]/)[0]!, OBJECTIVE_NAMES)
    throw new InputError(
      `--set: "${text}" is not PHASE.KEY=VALUE with PHASE one of ${OBJECTIVE_NAMES.join(', ')}, * (or PHASE+OBJECTIVE, as in listwise+rce.weight=0.3, for one that is added)${near === undefined ? '' : `; did you mean ${near}?`}`,
    )
  }
  const value = text.slice(at + 1)
  return [place, place.key === 'freeze' ? value.split('+') : valueOf(value)]
}

function valueOf(text: string): Value {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
