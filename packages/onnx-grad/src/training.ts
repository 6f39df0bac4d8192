import { gradients, topologicalOrder } from './gradients.ts'
import { emitOutputs } from './onnx/emit.ts'
import { encodeGraph, encodeModelProto } from './onnx/wire.ts'
import type { NodeMessage, ValueMessage } from './onnx/wire.ts'
import { mul } from './ops/elementwise.ts'
import { reshape, slice } from './ops/layout.ts'
import { adamW, clipFactor, globalNorm } from './optimizer.ts'
import type { AdamWOptions, AdamWSlot } from './optimizer.ts'
import { blockOfVector, blocksOf, joinBlock, lookUp, placesOfBlock, vectorOfBlocks } from './parameters.ts'
import type { Block, ParameterLayout, ParameterNodes } from './parameters.ts'
import { formatShape } from './shape.ts'
import type { Shape } from './shape.ts'
import { constant, input, operator } from './tensor.ts'
import type { DType, Tensor } from './tensor.ts'

/** Type and shape of an input. */
export interface InputSpec {
  dtype?: DType
  shape: readonly number[]
}

/** What is trained, and how. */
export interface TrainingProgram {
  layout: ParameterLayout
  /** Inputs of which every step has its own. */
  stepInputs: Readonly<Record<string, InputSpec>>
  /** Inputs that stay the same over the steps of a run, such as a matrix of embeddings. */
  sharedInputs?: Readonly<Record<string, InputSpec>>
  /** The loss (a scalar) and metrics (scalars) from parameters and inputs. */
  loss: (
    parameter: ParameterNodes,
    inputs: ParameterNodes,
  ) => { loss: Tensor; metrics?: Readonly<Record<string, Tensor>> }
  optimizer?: AdamWOptions
  /** Limit of the global gradient norm (default none). */
  clipNorm?: number
}

/** Names of the numbers that AdamW needs a step. */
export const numberNames = ['rate', 'epsilon', 'keep'] as const

const kinds = ['weights', 'first', 'second'] as const

/** Weights and moments of a block before and after a step. */
interface CarriedBlock {
  readonly block: Block
  readonly before: AdamWSlot
  readonly after: AdamWSlot
}

interface StepNodes {
  readonly carried: readonly CarriedBlock[]
  readonly metrics: Readonly<Record<string, Tensor>>
}

/** Nodes of one step: `before` gives the state of every block, `frozen` the parameters that do not train. */
function stepNodes(
  program: TrainingProgram,
  before: ReadonlyMap<Block, AdamWSlot>,
  frozen: ReadonlyMap<string, Tensor>,
  inputs: ReadonlyMap<string, Tensor>,
): StepNodes {
  const trained = [...before].flatMap(([block, { weights }]) => placesOfBlock(block, weights))
  const parameters = new Map([...frozen, ...trained.map(([{ name }, tensor]) => [name, tensor] as const)])
  const { loss, metrics = {} } = program.loss(lookUp(parameters), lookUp(inputs))
  const found = gradients(
    loss,
    trained.map(([, tensor]) => tensor),
  )
  const pieces = new Map(trained.map(([{ name }], i) => [name, found[i]!]))
  const joined = new Map([...before.keys()].map((block) => [block, joinBlock(block, pieces)]))
  const norm = globalNorm([...joined.values()])
  const factor = program.clipNorm === undefined ? undefined : clipFactor(norm, program.clipNorm)
  const number = lookUp(inputs)
  const numbers = { rate: number('rate'), epsilon: number('epsilon') }
  const carried = [...before].map(([block, slot]) => {
    const gradient = joined.get(block)!
    const after = adamW(
      slot,
      factor === undefined ? gradient : mul(gradient, factor),
      block.group === 'decayed' ? { ...numbers, keep: number('keep') } : numbers,
      program.optimizer,
    )
    return { block, before: slot, after }
  })
  return { carried, metrics: { loss, grad_norm: norm, ...metrics } }
}

/** The flat vectors that go in, and what is cut out of them. */
function flatState({ layout }: TrainingProgram): {
  vectors: Tensor[]
  slots: Map<Block, AdamWSlot>
  frozen: Map<string, Tensor>
} {
  const blocks = blocksOf(layout)
  if (blocks.length === 0)
    throw new RangeError('onnx-grad: every parameter is frozen, nothing can be trained')
  const vectors = new Map<string, Tensor>()
  const vector = (name: string, size: number): Tensor => {
    const known = vectors.get(name) ?? input(name, [size])
    vectors.set(name, known)
    return known
  }
  const slots = new Map(
    blocks.map((block) => {
      const cut = (kind: (typeof kinds)[number]): Tensor =>
        blockOfVector(block, vector(`${kind}_${block.group}`, layout.sizes[block.group]))
      return [block, { weights: cut('weights'), first: cut('first'), second: cut('second') }]
    }),
  )
  const frozen = new Map(
    layout.places
      .filter(({ group }) => group === 'frozen')
      .map(({ name, shape, offset, size }) => {
        const whole = vector('frozen', layout.sizes.frozen)
        return [name, reshape(slice(whole, 0, offset, offset + size), shape)]
      }),
  )
  return { vectors: [...vectors.values()], slots, frozen }
}

/** The flat vectors after the steps: `next_weights_decayed`, ... */
function flatResults(blocks: readonly (readonly [Block, AdamWSlot])[]): [string, Tensor][] {
  return (['decayed', 'plain'] as const).flatMap((group) => {
    const own = blocks.filter(([block]) => block.group === group)
    if (own.length === 0) return []
    return kinds.map((kind): [string, Tensor] => [
      `next_${kind}_${group}`,
      vectorOfBlocks(own.map(([block, slot]) => [block, slot[kind]])),
    ])
  })
}

const numberSpecs: Record<string, InputSpec> = Object.fromEntries(
  numberNames.map((name) => [name, { shape: [] }]),
)

const reserved = new Set<string>([...numberNames, 'steps', 'true', 'iteration', 'go', 'go_on', 'frozen'])

function allStepInputs(program: TrainingProgram): [string, InputSpec][] {
  for (const name of [...Object.keys(program.stepInputs), ...Object.keys(program.sharedInputs ?? {})]) {
    if (reserved.has(name)) {
      throw new RangeError(`onnx-grad: the training graph itself has an input ${name}; choose another name`)
    }
  }
  return Object.entries({ ...program.stepInputs, ...numberSpecs })
}

function checkMetrics(metrics: Readonly<Record<string, Tensor>>): void {
  for (const [name, { shape }] of Object.entries(metrics)) {
    if (shape.length > 0)
      throw new RangeError(`onnx-grad: metric ${name} has shape ${formatShape(shape)}; it must be a scalar`)
  }
}

const value = (name: string, shape: Shape, dtype: DType = 'float32'): ValueMessage => ({ name, shape, dtype })
const valueOf = ({ name, shape, dtype }: Tensor): ValueMessage => value(name!, shape, dtype)

const copyOf = (op: string, from: string, to: string): NodeMessage => ({
  op,
  name: to,
  inputs: [from],
  outputs: [to],
  attributes: {},
})

/**
 * Encodes a training run as one ONNX graph: `Loop` over steps, with weights and moments carried
 * inside, so that they do not pass through JavaScript between steps. The flat vectors are cut into
 * blocks before the loop and joined after it; so are slices of inputs that do not change.
 *
 * Inputs: `steps` (int64, scalar), the state, the shared inputs, and every step input stacked along
 * a first axis. Outputs: the state, and every metric as [steps].
 */
export function encodeTrainingLoop(program: TrainingProgram): Uint8Array {
  const iteration = input('iteration', [], 'int64')
  const shared = Object.entries(program.sharedInputs ?? {}).map(([name, { shape, dtype }]) =>
    input(name, shape, dtype),
  )
  const stacked = allStepInputs(program).map(([name, { shape, dtype }]) =>
    input(name, ['steps', ...shape], dtype),
  )
  const inputs = new Map<string, Tensor>(shared.map((tensor) => [tensor.name!, tensor]))
  for (const tensor of stacked) {
    const shape = tensor.shape.slice(1)
    inputs.set(tensor.name!, operator('Gather', [tensor, iteration], { shape }, { axis: 0 }))
  }
  const { vectors, slots, frozen } = flatState(program)
  const inside = new Map(
    [...slots.keys()].map((block, i) => {
      const of = (kind: string): Tensor => input(`loop/${kind}/${i}`, block.shape)
      return [block, { weights: of('weights'), first: of('first'), second: of('second') }]
    }),
  )
  const { carried, metrics } = stepNodes(program, inside, frozen, inputs)
  checkMetrics(metrics)
  const metricNames = Object.keys(metrics)
  const states = carried.flatMap(({ block, before, after }) =>
    kinds.map((kind) => ({
      name: before[kind].name!,
      start: slots.get(block)![kind],
      before: before[kind],
      after: after[kind],
    })),
  )

  const bodyOutputs: [string, Tensor][] = [
    ...states.map(({ name, after }): [string, Tensor] => [`${name}/after`, after]),
    ...metricNames.map((name): [string, Tensor] => [`loop/metric/${name}`, metrics[name]!]),
  ]
  const changing = [iteration, ...states.map(({ before }) => before)]
  const fixed = fixedSlices(
    bodyOutputs.map(([, tensor]) => tensor),
    new Set(changing),
  )
  const outside = emitOutputs(
    [
      ...states.map(({ name, start }): [string, Tensor] => [`${name}/start`, start]),
      ...fixed.map((tensor, i): [string, Tensor] => [`loop/fixed/${i}`, tensor]),
    ],
    { prefix: 'before_', given: new Map([...vectors, ...shared, ...stacked].map((t) => [t, t.name!])) },
  )
  const given = new Map<Tensor, string>(changing.map((tensor) => [tensor, tensor.name!]))
  for (const tensor of [...vectors, ...shared, ...stacked]) given.set(tensor, tensor.name!)
  fixed.forEach((tensor, i) => given.set(tensor, `loop/fixed/${i}`))
  const body = emitOutputs(bodyOutputs, { prefix: 'step_', given })
  const bodyGraph = encodeGraph({
    name: 'step',
    nodes: [...body.nodes, copyOf('Identity', 'go', 'go_on')],
    initializers: [],
    inputs: [
      value('iteration', [], 'int64'),
      value('go', [], 'bool'),
      ...states.map(({ name, before }) => value(name, before.shape)),
    ],
    outputs: [
      value('go_on', [], 'bool'),
      ...bodyOutputs.map(([name, { shape, dtype }]) => value(name, shape, dtype)),
    ],
  })

  const ends = new Map(
    carried.map(({ block, before }) => {
      const of = (kind: (typeof kinds)[number]): Tensor => input(`${before[kind].name!}/end`, block.shape)
      return [block, { weights: of('weights'), first: of('first'), second: of('second') }]
    }),
  )
  const results = flatResults([...ends])
  const after = emitOutputs(results, {
    prefix: 'after_',
    given: new Map([...ends.values()].flatMap((slot) => kinds.map((kind) => [slot[kind], slot[kind].name!]))),
  })
  const loop: NodeMessage = {
    op: 'Loop',
    name: 'loop',
    inputs: ['steps', 'true', ...states.map(({ name }) => `${name}/start`)],
    outputs: [...states.map(({ name }) => `${name}/end`), ...metricNames.map((name) => `metric_${name}`)],
    attributes: {},
    graphs: { body: bodyGraph },
  }
  return encodeModelProto({
    name: 'training',
    nodes: [...outside.nodes, loop, ...after.nodes],
    initializers: [
      ...outside.initializers,
      ...body.initializers,
      ...after.initializers,
      { name: 'true', dtype: 'bool', shape: [], values: constant([1], [], 'bool').values! },
    ],
    inputs: [
      value('steps', [], 'int64'),
      ...vectors.map(valueOf),
      ...body.inputs,
      ...[...shared, ...stacked].map(valueOf),
    ],
    outputs: [
      ...results.map(([name, { shape }]) => value(name, shape)),
      ...metricNames.map((name) => value(`metric_${name}`, ['steps'])),
    ],
  })
}

/**
 * Slices of fixed inputs, such as the parameters of a frozen policy. Only data is moved out of the loop:
 * what is computed stays beside the computation that it may be compared with, bit for bit.
 */
function fixedSlices(outputs: readonly Tensor[], changing: ReadonlySet<Tensor>): Tensor[] {
  const fixed = new Set<Tensor>()
  const order = topologicalOrder(outputs)
  for (const node of order) {
    const moves = node.op === 'Slice' || node.op === 'Reshape'
    const [source] = node.inputs
    if (!moves || source === undefined || changing.has(source)) continue
    if (fixed.has(source) || source.op === 'Input') fixed.add(node)
  }
  const computed = order.filter((node) => !fixed.has(node))
  const used = computed.flatMap(({ inputs }) => inputs.filter((node) => fixed.has(node)))
  return [...new Set([...used, ...outputs.filter((node) => fixed.has(node))])]
}

/**
 * Encodes one training step as a plain graph, for looking at it with other tools. Same inputs and
 * outputs as `encodeTrainingLoop`, without `steps` and without the first axis.
 */
export function encodeTrainingStep(program: TrainingProgram): Uint8Array {
  const declared = [...Object.entries(program.sharedInputs ?? {}), ...allStepInputs(program)].map(
    ([name, { shape, dtype }]) => input(name, shape, dtype),
  )
  const { vectors, slots, frozen } = flatState(program)
  const inputs = new Map(declared.map((tensor) => [tensor.name!, tensor]))
  const { carried, metrics } = stepNodes(program, slots, frozen, inputs)
  checkMetrics(metrics)
  const results: [string, Tensor][] = [
    ...flatResults(carried.map(({ block, after }) => [block, after])),
    ...Object.entries(metrics).map(([name, tensor]): [string, Tensor] => [`metric_${name}`, tensor]),
  ]
  const given = new Map([...vectors, ...declared].map((tensor) => [tensor, tensor.name!]))
  const body = emitOutputs(results, { given })
  return encodeModelProto({
    name: 'training_step',
    nodes: body.nodes,
    initializers: body.initializers,
    inputs: [...vectors.map(valueOf), ...body.inputs, ...declared.map(valueOf)],
    outputs: results.map(([name, tensor]) => value(name, tensor.shape)),
  })
}
