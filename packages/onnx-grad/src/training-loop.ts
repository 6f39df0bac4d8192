import { topologicalOrder } from './gradients.ts'
import { emitOutputs, type Emitted } from './onnx/emit.ts'
import { encodeGraph, encodeModelProto } from './onnx/wire.ts'
import type { NodeMessage } from './onnx/wire.ts'
import type { AdamWSlot } from './optimizer.ts'
import type { Block } from './parameters.ts'
import { allStepInputs, checkInputs, checkMetrics, stateKinds, type StateKind } from './program.ts'
import type { TrainingProgram } from './program.ts'
import { flatResults, flatState, stepNodes, type CarriedBlock } from './step-nodes.ts'
import { constant, input, operator } from './tensor.ts'
import type { Tensor } from './tensor.ts'
import { value, valueOf } from './training-step.ts'

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
  const loop = loopOf(program)
  const { states, given, metricNames } = loop
  const fixed = fixedSlices(
    loop.bodyOutputs.map(([, tensor]) => tensor),
    new Set([loop.iteration, ...states.map(({ before }) => before)]),
  )
  const before = emitOutputs(
    [
      ...states.map(({ name, start }): [string, Tensor] => [`${name}/start`, start]),
      ...fixed.map((tensor, i): [string, Tensor] => [`loop/fixed/${i}`, tensor]),
    ],
    { prefix: 'before_', given: new Map(given.map((tensor) => [tensor, tensor.name!])) },
  )
  const body = encodeBody(loop, fixed)
  const { results, after } = joinedState(loop)
  const node: NodeMessage = {
    op: 'Loop',
    name: 'loop',
    inputs: ['steps', 'true', ...states.map(({ name }) => `${name}/start`)],
    outputs: [...states.map(({ name }) => `${name}/end`), ...metricNames.map((name) => `metric_${name}`)],
    attributes: {},
    graphs: { body: body.graph },
  }
  return encodeModelProto({
    name: 'training',
    nodes: [...before.nodes, node, ...after.nodes],
    initializers: [
      ...before.initializers,
      ...body.initializers,
      ...after.initializers,
      { name: 'true', dtype: 'bool', shape: [], values: constant([1], [], 'bool').values! },
    ],
    inputs: [value('steps', [], 'int64'), ...given.map(valueOf)],
    outputs: [
      ...results.map(([name, { shape }]) => value(name, shape)),
      ...metricNames.map((name) => value(`metric_${name}`, ['steps'])),
    ],
  })
}

/** A vector of the state of a block inside the loop: its name, and the tensors before the loop, before and after a step. */
interface LoopState {
  readonly name: string
  readonly start: Tensor
  readonly before: Tensor
  readonly after: Tensor
}

interface Loop {
  readonly iteration: Tensor
  /** Inputs of the whole graph beside `steps`. */
  readonly given: readonly Tensor[]
  readonly carried: readonly CarriedBlock[]
  readonly states: readonly LoopState[]
  readonly metricNames: readonly string[]
  readonly bodyOutputs: readonly [string, Tensor][]
}

/** The nodes of one step between the inputs of the loop and what it carries on. */
function loopOf(program: TrainingProgram): Loop {
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
    [...slots.keys()].map((block, i) => [block, slotOf(block, (kind) => `loop/${kind}/${i}`)]),
  )
  const { carried, metrics } = stepNodes(program, inside, frozen, inputs)
  checkMetrics(metrics)
  const states = carried.flatMap(({ block, before, after }) =>
    stateKinds.map((kind) => ({
      name: before[kind].name!,
      start: slots.get(block)![kind],
      before: before[kind],
      after: after[kind],
    })),
  )
  const metricNames = Object.keys(metrics)
  const bodyOutputs = [
    ...states.map(({ name, after }): [string, Tensor] => [`${name}/after`, after]),
    ...metricNames.map((name): [string, Tensor] => [`loop/metric/${name}`, metrics[name]!]),
  ]
  return { iteration, given: [...vectors, ...shared, ...stacked], carried, states, metricNames, bodyOutputs }
}

function slotOf({ shape }: Block, nameOf: (kind: StateKind) => string): AdamWSlot {
  const of = (kind: StateKind): Tensor => input(nameOf(kind), shape)
  return { weights: of('weights'), first: of('first'), second: of('second') }
}

function encodeBody(
  { iteration, given, states, bodyOutputs }: Loop,
  fixed: readonly Tensor[],
): { graph: Uint8Array; initializers: Emitted['initializers'] } {
  const names = new Map<Tensor, string>()
  for (const tensor of [iteration, ...states.map(({ before }) => before), ...given]) {
    names.set(tensor, tensor.name!)
  }
  fixed.forEach((tensor, i) => names.set(tensor, `loop/fixed/${i}`))
  const body = emitOutputs(bodyOutputs, { prefix: 'step_', given: names })
  checkInputs(body.inputs)
  const graph = encodeGraph({
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
  return { graph, initializers: body.initializers }
}

/** The nodes after the loop, which join the blocks to the flat vectors again. */
function joinedState({ carried }: Loop): { results: [string, Tensor][]; after: Emitted } {
  const ends = carried.map(
    ({ block, before }) => [block, slotOf(block, (kind) => `${before[kind].name!}/end`)] as const,
  )
  const results = flatResults(ends)
  const given = new Map(
    ends.flatMap(([, slot]) => stateKinds.map((kind) => [slot[kind], slot[kind].name!] as const)),
  )
  return { results, after: emitOutputs(results, { prefix: 'after_', given }) }
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
