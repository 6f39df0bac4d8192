import { canonicalJson, InputError, writeFileAtomic } from '@lever/durable-files'
import { decodeSafetensors, encodeSafetensors, readSafetensors, readTorch } from '@lever/tensor-files'
import type { TensorEntry, TensorFile } from '@lever/tensor-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { ARCHITECTURE_NAMES } from '../architectures/index.ts'
import type { ArchitectureName } from '../architectures/index.ts'
import type { Floor, Selection } from '../floor/types.ts'
import { architectureName, architectureOf, resolveConfig } from '../model.ts'
import type { ModelSettings, OwnSettings, PointerModel } from '../model.ts'
import type { ArchitectureConfig } from '../types.ts'
import { VERSION } from '../version.ts'
import type { EmbedderFacts } from './embedder.ts'
import { legacyInfo, legacyTensors } from './legacy.ts'
import { memberTensors, takeMembers } from './members.ts'
import { matchParameters } from './strict.ts'
import type { StrictOptions } from './strict.ts'

/** What a checkpoint says about its making. Everything is optional: the original's files say little. */
export interface CheckpointInfo {
  /** 'init', 'sft', 'rce', 'listwise', 'grpo'. */
  readonly phase?: string
  /** Of phase `init`: whether the policy that training started from had been trained before. */
  readonly trained?: boolean
  /** Finished epochs of the phase. */
  readonly epoch?: number
  /** Finished optimiser steps of the phase. */
  readonly step?: number
  /** Validation metrics by name. */
  readonly metrics?: Readonly<Record<string, number>>
  /** Hash of the training data. */
  readonly dataHash?: string
  /** Hash of the protocol that the rewards were measured under. */
  readonly protocolHash?: string
  /** How pools are made, as plain JSON. */
  readonly pool?: unknown
  /** What made the embeddings that it was trained on. */
  readonly embeddings?: EmbedderFacts
  /** `agreement` where the policy was trained on labels that need no model, and not on measured rewards. */
  readonly labels?: string
  /** What was compared at the end of the training, and what won. */
  readonly selection?: Selection
  /** Anything else, as plain JSON, such as the options of the training. */
  readonly training?: unknown
  /** Version of this package that wrote the file. */
  readonly packageVersion?: string
}

/** A model with what is known about it. */
export interface Checkpoint {
  readonly model: PointerModel
  readonly info: CheckpointInfo
}

/** A checkpoint that was read, and what in the file was not used. */
export interface LoadedCheckpoint extends Checkpoint {
  /** Arrays that were missing, as allowed. */
  readonly missing: readonly string[]
  /** Tensors that the architecture does not have, as allowed. */
  readonly foreign: readonly string[]
  /** Tensors of other modules of a Lightning checkpoint. */
  readonly ignored: readonly string[]
}

/** What a file may lack or have too much, and what it does not say. */
export interface LoadOptions extends StrictOptions {
  /** Architecture of a file that does not say (default: recognised by its shapes). */
  architecture?: ArchitectureName
  /** Settings that a file does not store, such as `heads`. */
  settings?: OwnSettings
}

export const LOAD_OPTIONS: OptionNames<LoadOptions> = {
  architecture: true,
  settings: true,
  allowMissing: true,
  allowForeign: true,
  seed: true,
}

const FORMAT = 'lever-pointer'

const metadataKeys = {
  phase: 'phase',
  trained: 'trained',
  epoch: 'epoch',
  step: 'step',
  metrics: 'metrics',
  dataHash: 'data_hash',
  protocolHash: 'protocol_hash',
  pool: 'pool',
  embeddings: 'embeddings',
  labels: 'labels',
  selection: 'selection',
  training: 'training',
} as const satisfies Record<Exclude<keyof CheckpointInfo, 'packageVersion'>, string>

/**
 * Whether a policy was never trained, so that its choices are arbitrary. A file that does not say, such as those of the
 * original, counts as trained.
 */
export function isUntrained({ phase, trained = false }: CheckpointInfo): boolean {
  return phase === 'init' && !trained
}

/** Whether a policy was trained on agreement alone: the accuracy of candidates' own answers, which needs no model. */
export function isFromAgreement({ labels }: CheckpointInfo): boolean {
  return labels === 'agreement'
}

/** A checkpoint as safetensors. Equal checkpoints give equal bytes. */
export function encodeCheckpoint({ model, info }: Checkpoint): Uint8Array {
  const metadata = new Map([
    ['format', FORMAT],
    ['architecture', model.architecture],
    ['config', canonicalJson(model.config)],
    ['package_version', info.packageVersion ?? VERSION],
    ...(model.floor === undefined ? [] : [['floor', canonicalJson(model.floor)] as const]),
  ])
  for (const [field, key] of Object.entries(metadataKeys)) {
    const value = info[field as keyof typeof metadataKeys]
    if (value !== undefined) metadata.set(key, typeof value === 'string' ? value : canonicalJson(value))
  }
  const tensors = new Map([
    ...[...model.parameters].map(([name, { shape, values }]): [string, TensorEntry] => [
      name,
      { dtype: 'F32', shape, data: values },
    ]),
    ...memberTensors(model),
  ])
  return encodeSafetensors({ tensors, metadata })
}

/** Writes a checkpoint atomically. */
export function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  return writeFileAtomic(path, encodeCheckpoint(checkpoint))
}

/**
 * Reads a checkpoint from the bytes of a safetensors file.
 * @throws InputError if the file is broken or does not fit its architecture exactly.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  name = 'checkpoint',
  options: LoadOptions = {},
): LoadedCheckpoint {
  refuseUnknownOptions(options, LOAD_OPTIONS, 'pointer-model: decodeCheckpoint')
  return fromSafetensors(decodeSafetensors(bytes, name), name, options)
}

/**
 * Reads a checkpoint: ours, any safetensors file with the original's tensor names, or the original's
 * `.pt`, `.pth` and Lightning `.ckpt` files.
 * @throws InputError if the file is broken, its architecture is not recognised, or tensors are
 * missing or foreign.
 */
export async function readCheckpoint(path: string, options: LoadOptions = {}): Promise<LoadedCheckpoint> {
  refuseUnknownOptions(options, LOAD_OPTIONS, 'pointer-model: readCheckpoint')
  if (path.endsWith('.safetensors')) return fromSafetensors(await readSafetensors(path), path, options)
  const { tensors, value } = await readTorch(path)
  return assemble(tensors, path, options, legacyInfo(value))
}

function fromSafetensors(
  { tensors, metadata }: TensorFile,
  file: string,
  options: LoadOptions,
): LoadedCheckpoint {
  if (metadata.get('format') !== FORMAT) return assemble(tensors, file, options, {})
  const name = architectureName(metadata.get('architecture') ?? '')
  const config = resolveConfig(name, json(metadata.get('config') ?? '{}', 'config', file) as ModelSettings)
  checkGiven(options, { architecture: name, ...config }, file)
  const loaded = finish(name, config, tensors, file, options, infoOf(metadata, file), [])
  const floor = metadata.get('floor')
  if (floor === undefined) return loaded
  return { ...loaded, model: { ...loaded.model, floor: json(floor, 'floor', file) as Floor } }
}

/** @throws InputError where what is given is not what the file says. */
function checkGiven(
  { architecture, settings }: LoadOptions,
  said: Readonly<Record<string, unknown>>,
  file: string,
): void {
  for (const [name, value] of Object.entries({ ...(architecture && { architecture }), ...settings })) {
    if (value === said[name]) continue
    throw new InputError(
      `pointer-model: ${file} says that its ${name} is ${String(said[name])}, but ${value} is given; leave it out`,
    )
  }
}

function infoOf(metadata: ReadonlyMap<string, string>, file: string): CheckpointInfo {
  const info: Record<string, unknown> = {}
  for (const [field, key] of Object.entries(metadataKeys)) {
    const text = metadata.get(key)
    if (text === undefined) continue
    const plain = field === 'phase' || field === 'labels' || field.endsWith('Hash')
    info[field] = plain ? text : json(text, key, file)
  }
  const version = metadata.get('package_version')
  return version === undefined ? info : { ...info, packageVersion: version }
}

function json(text: string, key: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError(`pointer-model: ${file}: "${key}" of the metadata is not JSON`, { cause: error })
  }
}

function assemble(
  tensors: ReadonlyMap<string, TensorEntry>,
  file: string,
  options: LoadOptions,
  info: CheckpointInfo,
): LoadedCheckpoint {
  const legacy = legacyTensors(tensors, file)
  const shapes = new Map([...legacy.tensors].map(([name, { shape }]) => [name, shape]))
  const names = options.architecture === undefined ? ARCHITECTURE_NAMES : [options.architecture]
  const candidates = names.flatMap((name) => {
    const known = architectureOf(name).recognise?.(shapes)
    if (known === undefined) return []
    return [{ name, config: resolveConfig(name, { ...known, ...options.settings }) }]
  })
  const exact = candidates.find(({ name, config }) => {
    const specs = architectureOf(name).parameters(config)
    return specs.length === shapes.size && specs.every((spec) => shapes.has(spec.name))
  })
  const found = exact ?? candidates[0]
  if (found !== undefined) {
    return finish(found.name, found.config, legacy.tensors, file, options, info, legacy.ignored)
  }
  throw new InputError(
    `pointer-model: ${file} is not a known pointer network: ${shapes.size} tensors (${[...shapes.keys()].slice(0, 10).join(', ')}); known are ${names.join(', ')}`,
  )
}

function finish(
  name: ArchitectureName,
  config: ArchitectureConfig,
  tensors: ReadonlyMap<string, TensorEntry>,
  file: string,
  options: LoadOptions,
  info: CheckpointInfo,
  ignored: readonly string[],
): LoadedCheckpoint {
  const specs = architectureOf(name).parameters(config)
  const { members, others } = takeMembers(tensors, config, file)
  const { parameters, missing, foreign } = matchParameters(specs, others, file, options)
  const model = { architecture: name, config, parameters, ...(members && { members }) }
  return { model, info, missing, foreign, ignored }
}
