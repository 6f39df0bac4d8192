import { gradients } from './gradients.ts'
import { emitNodes } from './onnx/emit.ts'
import { encodeGraph, encodeModelProto } from './onnx/wire.ts'
import type { NodeMessage, ValueMessage } from './onnx/wire.ts'
import { mul } from './ops/elementwise.ts'
import { concat, reshape } from './ops/layout.ts'
import { adamW, clipFactor, globalNorm } from './optimizer.ts'
import type { AdamWOptions } from './optimizer.ts'
import { lookUp, parameterInputs } from './parameters.ts'
import type { GroupName, ParameterLayout, ParameterNodes } from './parameters.ts'
import { formatShape, sizeOf } from './shape.ts'
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

const trained: readonly GroupName[] = ['decayed', 'plain']

interface StepNodes {
  carried: { name: string; before: Tensor; after: Tensor }[]
  metrics: Readonly<Record<string, Tensor>>
}

function stepNodes(program: TrainingProgram, inputs: ReadonlyMap<string, Tensor>): StepNodes {
  const { layout, optimizer = {} } = program
  const { vectors, nodes } = parameterInputs(layout, (group) =>
    group === 'frozen' ? 'frozen' : `weights_${group}`,
  )
  const { loss, metrics = {} } = program.loss(lookUp(nodes), lookUp(inputs))
  const slots = trained.filter((group) => layout.sizes[group] > 0)
  if (slots.length === 0) throw new RangeError('onnx-grad: every parameter is frozen, nothing can be trained')
  const places = layout.places.filter(({ group }) => group !== 'frozen')
  const found = gradients(
    loss,
    places.map(({ name }) => nodes.get(name)!),
  )
  const flat = new Map(
    slots.map((group) => [
      group,
      concat(
        places.flatMap((place, i) => (place.group === group ? [reshape(found[i]!, [place.size])] : [])),
        0,
      ),
    ]),
  )
  const norm = globalNorm([...flat.values()])
  const factor = program.clipNorm === undefined ? undefined : clipFactor(norm, program.clipNorm)
  const number = lookUp(inputs)
  const carried = slots.flatMap((group) => {
    const size = [layout.sizes[group]]
    const before = {
      weights: vectors.get(group)!,
      first: input(`first_${group}`, size),
      second: input(`second_${group}`, size),
    }
    const gradient = flat.get(group)!
    const numbers = { rate: number('rate'), epsilon: number('epsilon') }
    const after = adamW(
      before,
      factor === undefined ? gradient : mul(gradient, factor),
      group === 'decayed' ? { ...numbers, keep: number('keep') } : numbers,
      optimizer,
    )
    return (['weights', 'first', 'second'] as const).map((kind) => ({
      name: `${kind}_${group}`,
      before: before[kind],
      after: after[kind],
    }))
  })
  return { carried, metrics: { loss, grad_norm: norm, ...metrics } }
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

/**
 * Encodes a training run as one ONNX graph: `Loop` over steps, with weights and moments carried
 * inside, so that they do not pass through JavaScript between steps.
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
  const { carried, metrics } = stepNodes(program, inputs)
  checkMetrics(metrics)
  const given = new Map<Tensor, string>([...shared, ...stacked].map((tensor) => [tensor, tensor.name!]))
  for (const { before, name } of carried) given.set(before, `${name}_before`)
  given.set(iteration, 'iteration')
  const outputs = [...carried.map(({ after }) => after), ...Object.values(metrics)]
  const body = emitNodes(outputs, { prefix: 'step_', given })
  const rename = (from: Tensor, to: string): NodeMessage => ({
    op: 'Identity',
    name: to,
    inputs: [body.nameOf.get(from)!],
    outputs: [to],
    attributes: {},
  })
  const stateShape = (tensor: Tensor): Shape => [sizeOf(tensor.shape)]
  const bodyGraph = encodeGraph({
    name: 'step',
    nodes: [
      ...body.nodes,
      { op: 'Identity', name: 'go_on', inputs: ['go'], outputs: ['go_on'], attributes: {} },
      ...carried.map(({ after, name }) => rename(after, `${name}_after`)),
      ...Object.entries(metrics).map(([name, tensor]) => rename(tensor, `${name}_of_step`)),
    ],
    initializers: [],
    inputs: [
      value('iteration', [], 'int64'),
      value('go', [], 'bool'),
      ...carried.map(({ name, before }) => value(`${name}_before`, stateShape(before))),
    ],
    outputs: [
      value('go_on', [], 'bool'),
      ...carried.map(({ name, before }) => value(`${name}_after`, stateShape(before))),
      ...Object.keys(metrics).map((name) => value(`${name}_of_step`, [])),
    ],
  })
  const metricNames = Object.keys(metrics)
  return encodeModelProto({
    name: 'training',
    nodes: [
      {
        op: 'Loop',
        name: 'loop',
        inputs: ['steps', 'true', ...carried.map(({ name }) => name)],
        outputs: [
          ...carried.map(({ name }) => `next_${name}`),
          ...metricNames.map((name) => `metric_${name}`),
        ],
        attributes: {},
        graphs: { body: bodyGraph },
      },
    ],
    initializers: [
      ...body.initializers,
      { name: 'true', dtype: 'bool', shape: [], values: constant([1], [], 'bool').values! },
    ],
    inputs: [
      value('steps', [], 'int64'),
      ...carried.map(({ name, before }) => value(name, stateShape(before))),
      ...body.inputs,
      ...[...shared, ...stacked].map(({ name, shape, dtype }) => value(name!, shape, dtype)),
    ],
    outputs: [
      ...carried.map(({ name, before }) => value(`next_${name}`, stateShape(before))),
      ...metricNames.map((name) => value(`metric_${name}`, ['steps'])),
    ],
  })
}

/**
 * Encodes one training step as a plain graph, for looking at it with other tools. Same inputs and
 * outputs as `encodeTrainingLoop`, without `steps` and without the first axis.
 */
export function encodeTrainingStep(program: TrainingProgram): Uint8Array {
  const declared = [...Object.entries(program.sharedInputs ?? {}), ...allStepInputs(program)].map(
    ([name, { shape, dtype }]) => input(name, shape, dtype),
  )
  const { carried, metrics } = stepNodes(program, new Map(declared.map((tensor) => [tensor.name!, tensor])))
  checkMetrics(metrics)
  const body = emitNodes([...carried.map(({ after }) => after), ...Object.values(metrics)])
  const results = [
    ...carried.map(({ name, after }) => ({ name: `next_${name}`, tensor: after })),
    ...Object.entries(metrics).map(([name, tensor]) => ({ name: `metric_${name}`, tensor })),
  ]
  const named = new Set(body.inputs.map(({ name }) => name))
  return encodeModelProto({
    name: 'training_step',
    nodes: [
      ...body.nodes,
      ...results.map(({ name, tensor }) => ({
        op: 'Identity',
        name,
        inputs: [body.nameOf.get(tensor)!],
        outputs: [name],
        attributes: {},
      })),
    ],
    initializers: body.initializers,
    inputs: [
      ...body.inputs,
      ...declared
        .filter(({ name }) => !named.has(name!))
        .map(({ name, shape, dtype }) => value(name!, shape, dtype)),
    ],
    outputs: results.map(({ name, tensor }) => value(name, tensor.shape)),
  })
}
