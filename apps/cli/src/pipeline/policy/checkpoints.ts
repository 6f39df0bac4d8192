import { stat } from 'node:fs/promises'
import { hashFile, InputError, isInputError } from '@lever/durable-files'
import type { CheckpointInfo, LoadedCheckpoint, LoadOptions } from '@lever/pointer-model'
import type { TensorEntry } from '@lever/tensor-files'
import { formatTable } from '../../table.ts'

export interface LoadingChoice {
  readonly architecture: string | undefined
  readonly heads: number | undefined
  readonly allowMissing: readonly string[]
  readonly allowForeign: readonly string[]
}

export interface TensorLine {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
}

/** What `lever checkpoint inspect` says. */
export interface CheckpointDescription {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  /** `lever`: written by this project; else what the file is. */
  readonly format: 'lever' | 'safetensors' | 'pytorch'
  /** Null when the file is no policy that can be used; `problem` says why. */
  readonly policy: {
    readonly architecture: string
    readonly config: object
    readonly parameters: number
    readonly missing: readonly string[]
    readonly foreign: readonly string[]
    readonly ignored: readonly string[]
  } | null
  readonly problem: string | null
  /** Whether the policy was never trained. */
  readonly untrained: boolean
  readonly info: CheckpointInfo
  readonly tensors: readonly TensorLine[]
  /** Metadata of the file that is not part of the above. */
  readonly metadata: Readonly<Record<string, string>>
}

/** @throws InputError for an architecture that does not exist */
export async function loadOptionsOf({
  architecture,
  heads,
  allowMissing,
  allowForeign,
}: LoadingChoice): Promise<LoadOptions> {
  const { ARCHITECTURE_NAMES } = await import('@lever/pointer-model')
  const name = ARCHITECTURE_NAMES.find((known) => known === architecture)
  if (architecture !== undefined && name === undefined) {
    throw new InputError(`--architecture is "${architecture}"; give one of ${ARCHITECTURE_NAMES.join(', ')}`)
  }
  return {
    allowMissing,
    allowForeign,
    ...(name !== undefined && { architecture: name }),
    ...(heads !== undefined && { settings: { heads } }),
  }
}

/**
 * Everything that a checkpoint file says. A file with tensors that is no usable policy is described too.
 * @throws InputError for a file that is neither safetensors nor of PyTorch
 */
export async function inspectCheckpoint(file: string, options: LoadOptions): Promise<CheckpointDescription> {
  const { tensors, metadata } = await readTensors(file)
  const { policy, problem, info } = await readPolicyOf(file, options)
  const own = metadata.get('format') === 'lever-pointer'
  const { isUntrained } = await import('@lever/pointer-model')
  return {
    file,
    bytes: (await stat(file)).size,
    sha256: await hashFile(file),
    format: isTorch(file) ? 'pytorch' : own ? 'lever' : 'safetensors',
    policy,
    problem,
    untrained: isUntrained(info),
    info,
    tensors: Array.from(tensors, ([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata: own ? {} : Object.fromEntries(metadata),
  }
}

const isTorch = (file: string): boolean => !file.endsWith('.safetensors')

interface Tensors {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
}

async function readTensors(file: string): Promise<Tensors> {
  const { readSafetensors, readTorch } = await import('@lever/tensor-files')
  return isTorch(file)
    ? { tensors: (await readTorch(file)).tensors, metadata: new Map() }
    : readSafetensors(file)
}

async function readPolicyOf(
  file: string,
  options: LoadOptions,
): Promise<Pick<CheckpointDescription, 'policy' | 'problem' | 'info'>> {
  const { countParameters, readCheckpoint } = await import('@lever/pointer-model')
  try {
    const loaded: LoadedCheckpoint = await readCheckpoint(file, options)
    const { model, info, missing, foreign, ignored } = loaded
    const { architecture, config } = model
    const parameters = countParameters(model)
    return { policy: { architecture, config, parameters, missing, foreign, ignored }, problem: null, info }
  } catch (error) {
    if (!isInputError(error)) throw error
    return { policy: null, problem: error.message, info: {} }
  }
}

export function formatInspected(description: CheckpointDescription): string {
  const { file, bytes, sha256, format, policy, problem, untrained, info, tensors, metadata } = description
  const kind = { lever: 'checkpoint of lever', safetensors: 'safetensors', pytorch: 'file of PyTorch' }[
    format
  ]
  const { metrics, pool, training, ...plain } = info
  const rows: string[][] = [
    ['file', `${file} (${kind}, ${bytes.toLocaleString('en')} bytes)`],
    ['sha256', sha256],
  ]
  if (policy) {
    const { architecture, config, parameters } = policy
    const settings = Object.entries(config).map(([name, value]) => `${name} ${String(value)}`)
    rows.push(['architecture', `${architecture}, ${parameters.toLocaleString('en')} parameters`])
    const assumed = format === 'lever' ? '' : ' (heads and temperature are assumed: the file does not say)'
    rows.push(['settings', settings.join(', ') + assumed])
    for (const list of ['missing', 'foreign', 'ignored'] as const) {
      if (policy[list].length > 0) rows.push([list, `${policy[list].length}: ${policy[list].join(', ')}`])
    }
  }
  for (const [name, value] of Object.entries(plain)) rows.push([LABELS[name] ?? name, String(value)])
  for (const [name, value] of Object.entries(metrics ?? {})) rows.push([name, String(value)])
  for (const [name, value] of Object.entries({ pool, training })) {
    if (value !== undefined) rows.push([name, JSON.stringify(value)])
  }
  for (const [name, value] of Object.entries(metadata)) rows.push([name, value.slice(0, 200)])
  const header = ['tensor', 'type', 'shape']
  const lines = tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`])
  return [
    formatTable(rows, { left: 2 }),
    ...(problem === null ? [] : ['', `This cannot be used as a policy: ${problem}`]),
    ...(untrained ? ['', 'This policy was never trained: its choices are arbitrary.'] : []),
    '',
    formatTable([header, ...lines], { left: 3 }),
  ].join('\n')
}

const LABELS: Readonly<Record<string, string>> = {
  dataHash: 'data',
  protocolHash: 'protocol',
  packageVersion: 'written by',
}
