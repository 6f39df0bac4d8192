export { InputError, isInputError } from '@lever/durable-files/input-error'
export type { Attribute, DType, Tensor, TensorValues, Vjp } from './tensor.ts'
export { constant, input, operator, scalar } from './tensor.ts'
export type { Dim, Shape } from './shape.ts'
export { formatShape } from './shape.ts'
export type { Operand } from './ops/elementwise.ts'
export {
  add,
  addAll,
  cast,
  clip,
  cos,
  div,
  equal,
  erf,
  exp,
  greaterOrEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  reciprocal,
  sigmoid,
  sin,
  sqrt,
  square,
  stopGradient,
  sub,
  tanh,
  where,
} from './ops/elementwise.ts'
export type { ReduceOptions } from './ops/broadcast.ts'
export { broadcastTo, sum } from './ops/broadcast.ts'
export { argMax, logSoftmax, max, mean, softmax, sumSquares, topIndices, weightedMean } from './ops/reduce.ts'
export { concat, expandDims, pad, shapeOf, slice } from './ops/layout.ts'
export { reshape } from './ops/reshape.ts'
export { matmul, transpose, transposeLast } from './ops/matmul.ts'
export { gather, gatherBatched, gatherLast, oneHot } from './ops/gather.ts'
export { dropout, gelu, layerNorm, linear, normalize, quickGelu, rmsNorm, silu } from './ops/layers.ts'
export { gradients } from './gradients.ts'
export type { Graph, Outputs } from './onnx/emit.ts'
export { encodeModel } from './onnx/emit.ts'
export type { RunOptions, Runner, Value } from './runtime.ts'
export { loadModel } from './runtime.ts'
export type { LayoutOptions, Parameter, ParameterLayout, ParameterNodes, Parameters } from './parameters.ts'
export {
  flattenParameters,
  layoutParameters,
  parameterConstants,
  parameterInputs,
  unflattenParameters,
} from './parameters.ts'
export type { AdamWNumbers, AdamWOptions } from './optimizer.ts'
export { adamWNumbers } from './optimizer.ts'
export type { CosineOptions, Schedule } from './schedules.ts'
export { constantRate, cosineRate, linearRate } from './schedules.ts'
export type { InputSpec, TrainingProgram } from './program.ts'
export { encodeTrainingLoop } from './training-loop.ts'
export { encodeTrainingStep } from './training-step.ts'
export type {
  RunStepsOptions,
  Trainer,
  TrainerOptions,
  TrainingBatch,
  TrainingResult,
  TrainingState,
} from './trainer.ts'
export { initialState, openTrainer, parametersOf } from './trainer.ts'
