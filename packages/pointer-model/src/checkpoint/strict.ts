import { InputError } from '@lever/durable-files'
import type { Parameter } from '@lever/onnx-grad'
import { createRandom } from '@lever/reward-utils'
import { toFloat32 } from '@lever/tensor-files'
import type { TensorEntry } from '@lever/tensor-files'
import type { ParameterSpec } from '../types.ts'

/** What may be missing or foreign where tensors are matched with an architecture. */
export interface StrictOptions {
  /** Globs of arrays that may be missing; they get their first values of `seed` ('*' stands for any characters). */
  allowMissing?: readonly string[]
  /** Globs of tensors that may be there although the architecture has none such. */
  allowForeign?: readonly string[]
  /** Seed of the values of missing arrays (default 0). */
  seed?: number | string
}

/** The arrays of a model, and what was allowed to differ. */
export interface StrictMatch {
  readonly parameters: ReadonlyMap<string, Parameter>
  readonly missing: readonly string[]
  readonly foreign: readonly string[]
}

/**
 * Takes exactly the arrays of an architecture out of a file.
 * @throws InputError with counts and the first ten names when arrays are missing or foreign, when a
 * shape differs, or when a value is not finite.
 */
export function matchParameters(
  specs: readonly ParameterSpec[],
  tensors: ReadonlyMap<string, TensorEntry>,
  file: string,
  { allowMissing = [], allowForeign = [], seed = 0 }: StrictOptions = {},
): StrictMatch {
  const wanted = new Set(specs.map(({ name }) => name))
  const missing = [...wanted].filter((name) => !tensors.has(name))
  const foreign = [...tensors.keys()].filter((name) => !wanted.has(name))
  const refusedMissing = missing.filter((name) => !matchesAny(name, allowMissing))
  const refusedForeign = foreign.filter((name) => !matchesAny(name, allowForeign))
  if (refusedMissing.length > 0 || refusedForeign.length > 0) {
    throw new InputError(
      `pointer-model: ${file} does not fit: ${specs.length - missing.length} of ${specs.length} arrays match; ` +
        `missing ${listed(refusedMissing)}; foreign ${listed(refusedForeign)}; ` +
        'give the right architecture and settings, or name what may be missing (allowMissing)',
    )
  }
  const parameters = new Map<string, Parameter>()
  for (const { name, shape, initial } of specs) {
    const entry = tensors.get(name)
    const values = entry
      ? checked(entry, name, shape, file)
      : initial(createRandom(seed, 'parameter', name), shape)
    parameters.set(name, { shape, values })
  }
  return { parameters, missing, foreign }
}

function checked(entry: TensorEntry, name: string, shape: readonly number[], file: string): Float32Array {
  if (entry.shape.join() !== shape.join()) {
    throw new InputError(
      `pointer-model: ${file}: ${name} has shape [${entry.shape.join(', ')}], but the settings ask for [${shape.join(', ')}]`,
    )
  }
  const values = toFloat32(entry)
  const bad = values.findIndex((x) => !Number.isFinite(x))
  if (bad >= 0) {
    throw new InputError(
      `pointer-model: ${file}: element ${bad} of ${name} is ${values[bad]}; the training that wrote it failed`,
    )
  }
  return values
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return '0'
  const more = names.length > 10 ? ', ...' : ''
  return `${names.length} (${names.slice(0, 10).join(', ')}${more})`
}

function matchesAny(name: string, globs: readonly string[]): boolean {
  return globs.some((glob) => {
    const pattern = glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
    return new RegExp(`^${pattern}$`).test(name)
  })
}
