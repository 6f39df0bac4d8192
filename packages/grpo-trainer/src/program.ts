import {
  add,
  cast,
  concat,
  encodeModel,
  gather,
  input,
  layoutParameters,
  logSoftmax,
  mul,
  parameterInputs,
  reshape,
  slice,
  sum,
} from '@lever/onnx-grad'
import type {
  InputSpec,
  ParameterLayout,
  ParameterNodes,
  Shape,
  Tensor,
  TrainingProgram,
} from '@lever/onnx-grad'
import { architectureOf, noDropout, rowWidth, sequenceLogits } from '@lever/pointer-model'
import type { ArchitectureConfig, ArchitectureName, Dropout } from '@lever/pointer-model'
import { keepScale } from './dropout.ts'
import { OBJECTIVES } from './objectives/index.ts'
import { sequenceLogProbs } from './objectives/formulas.ts'
import type { Scored, Snapshot } from './objectives/types.ts'
import type { Phase } from './phases.ts'
import { termsOf } from './terms.ts'
import type { Sizes } from './data.ts'

type Specs = Readonly<Record<string, InputSpec>>

/** Everything that the graph of a phase depends on. */
export interface ProgramSpec {
  readonly architecture: ArchitectureName
  readonly config: ArchitectureConfig
  readonly phase: Phase
  /** B */
  readonly batch: number
  readonly sizes: Sizes
  /** Rows of the embeddings, and of the queries' when they have their own. */
  readonly rows: number
  readonly queryRows: number | undefined
  /** Names of the numbers that change from step to step. */
  readonly scalars: readonly string[]
}

/** Dropout masks of a step: place -> shape. */
export type MaskShapes = ReadonlyMap<string, readonly number[]>

/** Rows of the step mask of a query: one for all pointers, or G where they may end at different steps. */
export function maskRows({ architecture, sizes }: Pick<ProgramSpec, 'architecture' | 'sizes'>): number {
  return architectureOf(architecture).stops === true ? sizes.group : 1
}

/** Inputs of every batch, without dropout masks. */
export function batchSpecs(spec: ProgramSpec): Specs {
  const { phase, batch, sizes, scalars } = spec
  const { pool, group, shots } = sizes
  return {
    query: { dtype: 'int32', shape: [batch] },
    pool: { dtype: 'int32', shape: [batch, pool] },
    valid: { dtype: 'bool', shape: [batch, pool] },
    pointers: { dtype: 'int32', shape: [batch, group, shots] },
    step_mask: { shape: [batch, maskRows(spec), shots] },
    ...Object.fromEntries(
      termsOf(phase).flatMap(({ prefix }) => [
        [`${prefix}weights`, { shape: [batch, group] }],
        [`${prefix}taken`, { shape: [batch, group] }],
      ]),
    ),
    query_weight: { shape: [batch] },
    ...(usesProposer(phase) ? { proposer: { shape: [batch, group] } } : {}),
    ...Object.fromEntries(scalars.map((name) => [scalarName(name), { shape: [] }])),
  }
}

/** Inputs that stay the same over the steps of a run. */
export function sharedSpecs(spec: ProgramSpec): Specs {
  const size = flatLayout(spec).sizes.decayed
  const width = rowWidth(spec.config)
  return {
    embeddings: { shape: [spec.rows, width] },
    ...(spec.queryRows === undefined ? {} : { query_embeddings: { shape: [spec.queryRows, width] } }),
    ...Object.fromEntries(snapshotsOf(spec).map((name) => [`policy_${name}`, { shape: [size] }])),
  }
}

/** The fixed policies that the objective compares with. */
export function snapshotsOf({ phase }: Pick<ProgramSpec, 'phase'>): Snapshot[] {
  const { old, reference } = OBJECTIVES[phase.objective].snapshots?.(phase.options) ?? {}
  return [...new Set([old, reference])].filter((name) => name !== undefined)
}

/** Whether the objective reads the log-probabilities under the policy that proposed the pointers. */
export function usesProposer({ objective, options }: Phase): boolean {
  return OBJECTIVES[objective].usesProposer?.(options) ?? false
}

/** All parameters in one vector, in the order of the architecture. */
export function flatLayout({
  architecture,
  config,
}: Pick<ProgramSpec, 'architecture' | 'config'>): ParameterLayout {
  const specs = architectureOf(architecture).parameters(config)
  return layoutParameters(new Map(specs.map((spec) => [spec.name, spec])))
}

/** The loss of the phase, its metrics, and the scored pointers. */
export function lossNodes(
  spec: ProgramSpec,
  parameter: ParameterNodes,
  node: (name: string) => Tensor,
  dropout: Dropout = noDropout,
): { loss: Tensor; metrics: Readonly<Record<string, Tensor>>; policy: Scored } {
  const score = (parameters: ParameterNodes, applied: Dropout): Scored =>
    scoreBatch(spec, parameters, node, applied)
  const policy = score(parameter, dropout)
  const fixed = new Map(
    snapshotsOf(spec).map((name) => [name, score(slicesOf(spec, node(`policy_${name}`)), noDropout)]),
  )
  const { old, reference } = OBJECTIVES[spec.phase.objective].snapshots?.(spec.phase.options) ?? {}
  const shared = {
    policy,
    ...(old === undefined ? {} : { old: fixed.get(old)! }),
    ...(reference === undefined ? {} : { reference: fixed.get(reference)! }),
    queryWeight: node('query_weight'),
    steps: node('step_mask'),
    ...(usesProposer(spec.phase) ? { proposer: node('proposer') } : {}),
  }
  const results = termsOf(spec.phase).map(({ objective, options, prefix, weight }) => {
    const inputs = {
      ...shared,
      weights: node(`${prefix}weights`),
      keep: node(`${prefix}taken`),
      scalar: (name: string) => node(scalarName(prefix + name)),
    }
    return { ...objective.loss(inputs, options), prefix, weight }
  })
  return { ...sumOf(results), policy }
}

interface TermLoss {
  readonly loss: Tensor
  readonly metrics: Readonly<Record<string, Tensor>>
  readonly prefix: string
  readonly weight: number
}

/** The weighted sum of the losses; where there are several, each is a metric too: `own_loss` of the phase, `rce/loss`. */
function sumOf([own, ...added]: readonly TermLoss[]): {
  loss: Tensor
  metrics: Readonly<Record<string, Tensor>>
} {
  if (added.length === 0) return { loss: own!.loss, metrics: own!.metrics }
  const loss = added.reduce((sum, term) => add(sum, mul(term.loss, term.weight)), own!.loss)
  const losses = added.map((term): [string, Tensor] => [`${term.prefix}loss`, term.loss])
  return { loss, metrics: { ...own!.metrics, own_loss: own!.loss, ...Object.fromEntries(losses) } }
}

function scoreBatch(
  spec: ProgramSpec,
  parameter: ParameterNodes,
  node: (name: string) => Tensor,
  dropout: Dropout,
): Scored {
  const net = { architecture: architectureOf(spec.architecture), config: spec.config, parameter }
  const embeddings = node('embeddings')
  const { logits, chosen, blocked } = sequenceLogits(net, {
    query: gather(spec.queryRows === undefined ? embeddings : node('query_embeddings'), node('query')),
    candidates: gather(embeddings, node('pool')),
    valid: node('valid'),
    pointers: node('pointers'),
    dropout,
  })
  const normalized = logits.map((scores) => logSoftmax(scores))
  const picked = normalized.map((logProbs, t) =>
    sum(mul(logProbs, chosen[t]!), { axes: [-1], keepDims: true }),
  )
  return { logSoftmax: normalized, chosen, blocked, logProbs: mul(concat(picked, -1), node('step_mask')) }
}

function slicesOf(spec: ProgramSpec, vector: Tensor): ParameterNodes {
  const nodes = new Map(
    flatLayout(spec).places.map(({ name, shape, offset, size }) => [
      name,
      reshape(slice(vector, 0, offset, offset + size), shape),
    ]),
  )
  return (name) => nodes.get(name)!
}

/** The training program of a phase, and the dropout masks that every step needs. */
export function trainingProgram(
  spec: ProgramSpec,
  layout: ParameterLayout,
): { program: TrainingProgram; masks: MaskShapes } {
  const masks = maskShapes(spec)
  const { clipNorm, weightDecay } = spec.phase
  const maskSpecs = [...masks].map(([place, shape]): [string, InputSpec] => [
    maskName(place),
    { dtype: 'uint8', shape },
  ])
  const program: TrainingProgram = {
    layout,
    stepInputs: { ...batchSpecs(spec), ...Object.fromEntries(maskSpecs) },
    sharedInputs: sharedSpecs(spec),
    optimizer: { weightDecay },
    ...(clipNorm === null ? {} : { clipNorm }),
    loss(parameter, node) {
      const dropout: Dropout = (x, place) => {
        if (!masks.has(place)) return x
        const mask = cast(node(maskName(place)), 'float32')
        return mul(x, mul(mask, keepScale(rateOf(spec.phase, place))))
      }
      const { loss, metrics } = lossNodes(spec, parameter, node, dropout)
      return { loss, metrics }
    },
  }
  return { program, masks }
}

/** The loss of a batch without dropout as a plain graph: `loss`, `metric.*`, and `sequence` log-probabilities [B, G]. */
export function encodeEvaluation(spec: ProgramSpec): Uint8Array {
  const { vectors, nodes } = parameterInputs(flatLayout(spec), () => 'parameters')
  const specs = Object.entries({ ...batchSpecs(spec), ...sharedSpecs(spec) })
  const inputs = new Map(specs.map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]))
  const { loss, metrics, policy } = lossNodes(
    spec,
    (name) => nodes.get(name)!,
    (name) => inputs.get(name)!,
  )
  return encodeModel({
    inputs: [...vectors.values(), ...inputs.values()],
    outputs: {
      loss,
      sequence: sequenceLogProbs(policy),
      ...Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [`metric.${name}`, metric])),
    },
  })
}

/** Dropout rate at a place of the architecture. */
export function rateOf({ dropout, attentionDropout }: Phase, place: string): number {
  return /attn|attention/.test(place) ? attentionDropout : dropout
}

/** Finds out which dropout masks an architecture asks for, by building its graph once. */
function maskShapes(spec: ProgramSpec): MaskShapes {
  const masks = new Map<string, readonly number[]>()
  const nodes = new Map(
    architectureOf(spec.architecture)
      .parameters(spec.config)
      .map(({ name, shape }) => [name, input(name, shape)]),
  )
  const specs: Specs = { ...batchSpecs(spec), ...sharedSpecs(spec) }
  scoreBatch(
    spec,
    (name) => nodes.get(name)!,
    (name) => input(name, specs[name]!.shape, specs[name]!.dtype),
    (x, place) => {
      if (rateOf(spec.phase, place) > 0) masks.set(place, staticShape(x.shape, place))
      return x
    },
  )
  return masks
}

function staticShape(shape: Shape, place: string): readonly number[] {
  return shape.map((dim) => {
    if (typeof dim === 'number') return dim
    throw new Error(`grpo-trainer: the dropout mask ${place} has no fixed shape`)
  })
}

/** Input of the dropout mask of a place. */
export function maskName(place: string): string {
  return `mask_${place}`
}

/** Input of a number that changes from step to step. */
export function scalarName(name: string): string {
  return `scalar_${name}`
}
