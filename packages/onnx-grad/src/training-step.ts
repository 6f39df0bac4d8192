import { emitOutputs } from './onnx/emit.ts'
import { encodeModelProto } from './onnx/wire.ts'
import type { ValueMessage } from './onnx/wire.ts'
import { allStepInputs, checkInputs, checkMetrics } from './program.ts'
import type { TrainingProgram } from './program.ts'
import type { Shape } from './shape.ts'
import { flatResults, flatState, stepNodes } from './step-nodes.ts'
import { input } from './tensor.ts'
import type { DType, Tensor } from './tensor.ts'

/** An input or output of a graph. */
export const value = (name: string, shape: Shape, dtype: DType = 'float32'): ValueMessage => ({
  name,
  shape,
  dtype,
})
/** A node as an input of a graph. */
export const valueOf = ({ name, shape, dtype }: Tensor): ValueMessage => value(name!, shape, dtype)

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
  checkInputs(body.inputs)
  return encodeModelProto({
    name: 'training_step',
    nodes: body.nodes,
    initializers: body.initializers,
    inputs: [...vectors, ...declared].map(valueOf),
    outputs: results.map(([name, tensor]) => value(name, tensor.shape)),
  })
}
