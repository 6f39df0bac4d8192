import { readFile } from 'node:fs/promises'
import { InputError } from '@lever/durable-files'
import {
  checkEmbedder,
  encodeCheckpoint,
  isUntrained,
  readCheckpoint,
  readPolicySearch,
  type LoadedCheckpoint,
  type PolicySearch,
} from '@lever/pointer-model'
import {
  defaultPoolMethod,
  POOL_METHOD_NAMES,
  POOL_METHODS,
  type PoolMethodName,
  type PoolSearch,
} from '@lever/rl-generate'
import { kindsOf, type EmbeddingKind, type Embeddings } from '@lever/tensor-files'
import { defaultTemplate, getTemplate, openEmbedder, type PromptTemplate } from '@lever/vqa-model'
import { baselineOf, POLICY, type StaticEffects } from '../engine/baselines.ts'
import type { BundledPolicy, BundledPool, ChosenSelector } from './manifest.ts'
import type { WriteBundleOptions } from './options.ts'
import { staticEffects } from './static-effects.ts'

/** What a bundle will hold, checked before anything is written. */
export interface BundlePlan {
  readonly selector: ChosenSelector
  readonly policy: BundledPolicy | null
  /** The bytes of `policy.safetensors`. */
  readonly checkpoint: Uint8Array | null
  readonly pool: BundledPool
  /** What `static` chooses by; undefined where that is not known. */
  readonly effects: StaticEffects | undefined
  readonly template: PromptTemplate
  /** By what the library is searched for pools, and the bytes of `pool-policy.safetensors`; null for other pool methods. */
  readonly learned: { readonly search: PolicySearch; readonly checkpoint: Uint8Array } | null
  /** What choices search by, the first the kind of the file. */
  readonly kinds: readonly PoolSearch[]
  readonly embedder: { readonly name: string; readonly hash: string }
  /** What whoever makes the bundle should know. */
  readonly notices: readonly string[]
}

/** @throws InputError if the policy, the embeddings, the embedder and the dataset do not belong together */
export async function planBundle(options: WriteBundleOptions): Promise<BundlePlan> {
  const { embeddings, dataset, shots } = options
  const kinds = Object.keys(kindsOf(embeddings)) as EmbeddingKind[]
  const loaded = options.policy === undefined ? undefined : await readCheckpoint(options.policy)
  if (loaded !== undefined) checkFits(loaded, embeddings, options.policy!)
  const effects = await staticEffects(options, loaded?.model)
  const selector = selectorOf(options, loaded, effects)
  const drawn = poolOf(options, loaded, kinds)
  const learned = await learnedOf(options, drawn)
  const pool = learned === null ? drawn : { ...drawn, policy: learned.search.policy }
  checkPoolPolicy(pool, options, loaded)
  const needs = selector.kind === 'baseline' ? baselineOf(selector.name, effects).needs : []
  checkNeeds(selector.name, needs, kinds)
  if (shots > pool.size && selector.kind === 'policy') {
    throw new InputError(
      `selector: ${shots} shots are asked for from pools of ${pool.size}; give fewer, or a larger pool`,
    )
  }
  if (dataset.examples.length === 0)
    throw new InputError('selector: the dataset has no examples; give another')
  const embedder = await checkedEmbedder(options)
  const searched = [
    embeddings.kind,
    ...(loaded === undefined ? [] : POOL_METHODS[pool.method as PoolMethodName].needs),
    ...needs,
  ]
  return {
    ...{ selector, pool, learned, effects, embedder },
    template: getTemplate(
      options.template ??
        options.evaluation?.protocol?.['template'] ??
        defaultTemplate(embeddings.model.split(':')[0]!),
    ),
    policy: loaded === undefined ? null : policyOf(loaded),
    checkpoint: loaded === undefined ? null : await bytesOf(options.policy!, loaded),
    kinds: [...new Set(searched)].filter(
      (kind): kind is PoolSearch => kind === 'learned' || kinds.includes(kind as EmbeddingKind),
    ),
    notices: noticesOf(loaded, selector),
  }
}

function checkFits({ model, info }: LoadedCheckpoint, embeddings: Embeddings, path: string): void {
  const { dim } = embeddings
  checkEmbedder(info, embeddings, path)
  if (model.config.dim === dim) return
  throw new InputError(
    `selector: ${path} was trained on embeddings of size ${model.config.dim}, and these have size ${dim}; give the embeddings that it was trained on`,
  )
}

function selectorOf(
  { selector: asked }: WriteBundleOptions,
  loaded: LoadedCheckpoint | undefined,
  effects: StaticEffects | undefined,
): ChosenSelector {
  if (asked !== undefined && asked !== POLICY) {
    baselineOf(asked, effects)
    return { kind: 'baseline', name: asked, because: 'asked', note: null }
  }
  if (loaded === undefined) {
    throw new InputError(
      'selector: a bundle needs a policy, or a baseline in its place; give a checkpoint, or a selector such as rices-both',
    )
  }
  const { floor } = loaded.model
  const note = floorNote(loaded)
  const isRetrieval =
    floor?.weight === undefined && ['similarity', 'mmr'].includes(floor?.baseline.kind ?? '')
  if (asked === undefined && floor !== undefined && isRetrieval) {
    return { kind: 'baseline', name: floor.baseline.name, because: 'floor', note }
  }
  return { kind: 'policy', name: POLICY, because: asked === undefined ? 'trained' : 'asked', note }
}

/** What to say of a policy whose training found nothing better than a baseline, or than what it started from. */
function floorNote({ info: { selection } }: LoadedCheckpoint): string | null {
  if (selection === undefined || !['baseline', 'start'].includes(selection.by)) return null
  return `the training of the policy found nothing better than ${selection.name} by ${selection.measure} on its validation queries, so that chooses`
}

function poolOf(
  { poolMethod, poolSize, seed }: WriteBundleOptions,
  loaded: LoadedCheckpoint | undefined,
  kinds: readonly EmbeddingKind[],
): BundledPool {
  const said = (loaded?.info.pool ?? {}) as Partial<Record<keyof BundledPool, unknown>>
  const known = typeof said.method === 'string' && said.method !== 'file' ? said.method : undefined
  const method = poolMethod ?? known ?? defaultPoolMethod(kinds)
  const names = POOL_METHOD_NAMES.filter((name) => name !== 'file')
  if (!names.includes(method as (typeof names)[number])) {
    throw new InputError(
      `selector: there is no pool method ${method} for new questions; give one of ${names.join(', ')}`,
    )
  }
  const needs = POOL_METHODS[method as PoolMethodName].needs.filter((need) => need !== 'learned')
  checkNeeds(`the pool method ${method}`, needs, kinds)
  return {
    method,
    size: poolSize ?? (typeof said.size === 'number' ? said.size : 64),
    seed: seed ?? (typeof said.seed === 'number' ? said.seed : 0),
  }
}

/** @throws InputError if the policy that searches is missing, is not used, or does not fit the embeddings */
async function learnedOf(
  { poolPolicy, embeddings }: WriteBundleOptions,
  { method }: BundledPool,
): Promise<BundlePlan['learned']> {
  if (method !== 'learned') {
    if (poolPolicy === undefined) return null
    throw new InputError(
      `selector: the pool method is ${method}, and a policy is given that would search for pools; leave it out, or ask for the pool method learned`,
    )
  }
  if (poolPolicy === undefined) {
    throw new InputError(
      'selector: the pool method learned searches the library by a policy; give its checkpoint (--pool-policy), or another pool method',
    )
  }
  const search = await readPolicySearch(poolPolicy, { queries: embeddings, candidates: embeddings })
  return { search, checkpoint: await bytesOf(poolPolicy, await readCheckpoint(poolPolicy)) }
}

/** @throws InputError if the policy learned from pools that another policy had searched */
function checkPoolPolicy(
  { policy: given }: BundledPool,
  { poolMethod, poolPolicy }: WriteBundleOptions,
  loaded: LoadedCheckpoint | undefined,
): void {
  const { policy: known } = (loaded?.info.pool ?? {}) as { policy?: unknown }
  if (poolMethod !== undefined || given === undefined || typeof known !== 'string' || known === given) return
  throw new InputError(
    `selector: the pools that the policy learned from were searched by the policy ${known.slice(0, 12)}, and ${poolPolicy!} is ${given.slice(0, 12)}; give that one, or ask for this one with --pool-method learned`,
  )
}

function checkNeeds(name: string, needs: readonly string[], kinds: readonly string[]): void {
  const missing = needs.find((need) => !kinds.includes(need))
  if (missing === undefined) return
  throw new InputError(
    `selector: ${name} needs ${missing} embeddings, and these hold ${kinds.join(', ')}; embed the dataset again (lever embed --kind)`,
  )
}

/** @throws InputError if the embeddings were not made by this embedder */
async function checkedEmbedder({
  embeddings,
  embedder,
  embedderModel,
}: WriteBundleOptions): Promise<BundlePlan['embedder']> {
  if (embeddings.modelHash === '') {
    throw new InputError(
      'selector: the embeddings do not say what made them, so new questions could not be embedded alike; make them with lever embed',
    )
  }
  const opened = await openEmbedder({ embedder, model: embedderModel })
  const { name, hash } = opened
  await opened.close()
  if (hash === embeddings.modelHash) return { name, hash }
  throw new InputError(
    `selector: the embeddings were made by ${embeddings.model} (${embeddings.modelHash.slice(0, 12)}), not by ${name} (${hash.slice(0, 12)}) of ${embedderModel}; name the embedder and the model that made them`,
  )
}

function policyOf({ model, info }: LoadedCheckpoint): BundledPolicy {
  return {
    architecture: model.architecture,
    config: model.config,
    phase: info.phase ?? null,
    epoch: info.epoch ?? null,
    metrics: info.metrics ?? {},
    untrained: isUntrained(info),
    dataHash: info.dataHash ?? null,
    protocolHash: info.protocolHash ?? null,
  }
}

/** The file itself where it is safetensors, else its tensors as such. */
async function bytesOf(path: string, { model, info }: LoadedCheckpoint): Promise<Uint8Array> {
  return path.endsWith('.safetensors') ? readFile(path) : encodeCheckpoint({ model, info })
}

function noticesOf(loaded: LoadedCheckpoint | undefined, selector: ChosenSelector): string[] {
  const untrained = loaded !== undefined && isUntrained(loaded.info) && selector.kind === 'policy'
  return [
    ...(untrained
      ? [
          'the policy is untrained: its choices are those of random parameters; a baseline (--selector rices-both) is better',
        ]
      : []),
    ...(selector.note === null ? [] : [selector.note]),
  ]
}
