import { InputError } from '@lever/durable-files'
import { readSettings, type Schema, type Settings } from '@lever/settings'
import type { Backend, ModelContext } from './backend.ts'
import * as BACKENDS from './index.ts'

/** A name of a backend: `onnx`, `openai` or `scripted`. */
export type BackendName = keyof typeof BACKENDS

/** The names of the backends. */
export const backendNames: readonly BackendName[] = Object.keys(BACKENDS) as BackendName[]

/** Options of every backend, by its name. */
export type BackendOptions = {
  [Name in BackendName]: Parameters<(typeof BACKENDS)[Name]['open']>[0]
}

/** A backend by its name, and its options. */
export type VqaModelOptions = {
  [Name in BackendName]: { backend: Name } & BackendOptions[Name]
}[BackendName]

type All = (typeof BACKENDS)[BackendName]['settings']
type Intersection<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never

type Flat<T> = { readonly [K in keyof T]: T[K] }

/** The settings of all backends in one schema. */
export type BackendSchema = Flat<Intersection<All>>

/** The settings of all backends together. */
export type BackendSettings = Settings<BackendSchema>

/** The settings of all backends in one schema; each says which backends take it. */
export const backendSettings: BackendSchema = mergedSettings()

/** The backends and what they are, for help. */
export const backendsAbout: string = backendNames.map((name) => `${name}: ${BACKENDS[name].about}`).join('; ')

/**
 * The options of a model by the settings of its backend. Settings of other backends may be among them and do not
 * count; what is left out has its default.
 *
 * @throws InputError for an unknown backend, a wrong setting, and what the backend cannot do
 */
export function modelOptions(
  backend: BackendName,
  settings: Readonly<Record<string, unknown>>,
  context: ModelContext,
): VqaModelOptions {
  const { settings: schema, toOptions } = backendOf(backend)
  const own = Object.fromEntries(Object.keys(schema).map((name) => [name, settings[name]]))
  return { backend, ...(toOptions(readSettings(schema, own), context) as object) } as VqaModelOptions
}

/** @throws InputError for an unknown name */
export function backendOf(name: string): Backend<unknown, Schema> {
  if (Object.hasOwn(BACKENDS, name))
    return BACKENDS[name as BackendName] as unknown as Backend<unknown, Schema>
  throw new InputError(`vqa-model: unknown backend "${name}"; choose one of ${backendNames.join(', ')}`)
}

function mergedSettings(): BackendSchema {
  const takers = new Map<string, string[]>()
  for (const name of backendNames) {
    for (const setting of Object.keys(BACKENDS[name].settings)) {
      takers.set(setting, [...(takers.get(setting) ?? []), name])
    }
  }
  const merged: Schema = Object.assign({}, ...backendNames.map((name) => BACKENDS[name].settings)) as Schema
  return Object.fromEntries(
    Object.entries(merged).map(([name, setting]) => {
      const backend = takers.get(name)!
      return [name, backend.length === backendNames.length ? setting : { ...setting, onlyWith: { backend } }]
    }),
  ) as unknown as BackendSchema
}
