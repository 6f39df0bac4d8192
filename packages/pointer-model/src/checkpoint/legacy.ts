import { InputError } from '@lever/durable-files'
import type { TensorEntry, TorchValue } from '@lever/tensor-files'

/** Tensors under today's names, and those of other modules that lay in the same file. */
export interface LegacyTensors {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** Names of tensors outside `pointer_selector`, such as the frozen encoders of a Lightning checkpoint. */
  readonly ignored: readonly string[]
}

const wrappers = ['lever_lm.', 'model.', 'module.']
const selector = 'pointer_selector.'
const renamed: readonly (readonly [from: string, to: string])[] = [
  ['cross_attn.', 'cross_attn_layers.0.'],
  ['attn_norm.', 'attn_norms.0.'],
]

/**
 * Gives the tensors of the original's files the names that they have now. Wrappers are stripped as
 * prefixes only; where a `pointer_selector` is among them, everything else belongs to other modules.
 * @throws InputError if two tensors get the same name.
 */
export function legacyTensors(tensors: ReadonlyMap<string, TensorEntry>, file: string): LegacyTensors {
  const entries = [...tensors].map(([name, entry]) => ({ name, inner: strip(name, wrappers), entry }))
  const hasSelector = entries.some(({ inner }) => inner.startsWith(selector))
  const found = new Map<string, TensorEntry>()
  const ignored: string[] = []
  for (const { name, inner, entry } of entries) {
    if (hasSelector && !inner.startsWith(selector)) {
      ignored.push(name)
      continue
    }
    const today = rename(strip(inner, [...wrappers, selector]))
    if (found.has(today)) {
      throw new InputError(`pointer-model: ${file} holds ${today} twice, once as ${name}`)
    }
    found.set(today, entry)
  }
  return { tensors: found, ignored }
}

function strip(name: string, prefixes: readonly string[]): string {
  const prefix = prefixes.find((each) => name.startsWith(each))
  return prefix === undefined ? name : strip(name.slice(prefix.length), prefixes)
}

function rename(name: string): string {
  for (const [from, to] of renamed) if (name.startsWith(from)) return to + name.slice(from.length)
  return name
}

/** Phase, finished epochs (the file counts from 0), step and the numbers in `metrics` of a PyTorch checkpoint. */
export function legacyInfo(value: TorchValue): {
  phase?: string
  epoch?: number
  step?: number
  metrics?: Readonly<Record<string, number>>
} {
  if (!(value instanceof Map)) return {}
  const [phase, epoch, step, metrics] = ['phase', 'epoch', 'global_step', 'metrics'].map((key) =>
    value.get(key),
  )
  return {
    ...(typeof phase === 'string' ? { phase } : {}),
    ...(typeof epoch === 'number' ? { epoch: epoch + 1 } : {}),
    ...(typeof step === 'number' ? { step } : {}),
    ...(metrics instanceof Map ? { metrics: numbersOf(metrics) } : {}),
  }
}

function numbersOf(values: ReadonlyMap<TorchValue, TorchValue>): Record<string, number> {
  return Object.fromEntries(
    [...values].filter((pair): pair is [string, number] => {
      return typeof pair[0] === 'string' && typeof pair[1] === 'number' && Number.isFinite(pair[1])
    }),
  )
}
