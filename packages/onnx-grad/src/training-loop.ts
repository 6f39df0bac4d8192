import { topologicalOrder } from './gradients.ts'
import { emitOutputs } from './onnx/emit.ts'
import { encodeGraph, encodeModelProto } from './onnx/wire.ts'
import type { NodeMessage } from './onnx/wire.ts'
import { allStepInputs, checkInputs, checkMetrics, stateKinds } from './program.ts'
import type { TrainingProgram } from './program.ts'
import { flatResults, flatState, stepNodes } from './step-nodes.ts'
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
    stateKinds.map((kind) => ({
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
  checkInputs(body.inputs)
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
      const of = (kind: (typeof stateKinds)[number]): Tensor =>
        input(`${before[kind].name!}/end`, block.shape)
      return [block, { weights: of('weights'), first: of('first'), second: of('second') }]
    }),
  )
  const results = flatResults([...ends])
  const after = emitOutputs(results, {
    prefix: 'after_',
    given: new Map(
      [...ends.values()].flatMap((slot) => stateKinds.map((kind) => [slot[kind], slot[kind].name!])),
    ),
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
    inputs: [value('steps', [], 'int64'), ...[...vectors, ...shared, ...stacked].map(valueOf)],
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
