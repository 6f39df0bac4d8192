import type { AdamWOptions } from './optimizer.ts'
import type { ParameterLayout, ParameterNodes } from './parameters.ts'
import { formatShape } from './shape.ts'
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
const numberNames = ['rate', 'epsilon', 'keep'] as const

/** The vectors that make the state of a group. */
export const stateKinds = ['weights', 'first', 'second'] as const

/** A vector that training keeps for every weight: the weights, and AdamW's first and second moments. */
export type StateKind = (typeof stateKinds)[number]

const numberSpecs: Record<string, InputSpec> = Object.fromEntries(
  numberNames.map((name) => [name, { shape: [] }]),
)

const reserved = new Set<string>([...numberNames, 'steps', 'true', 'iteration', 'go', 'go_on', 'frozen'])

const stateNames = new RegExp(`^(next_)?(${stateKinds.join('|')})_(decayed|plain)$|^metric_`)

/**
 * Step inputs of a program and the numbers of AdamW.
 * @throws RangeError if an input has a name that the training graph uses itself, or two inputs have one name.
 */
export function allStepInputs(program: TrainingProgram): [string, InputSpec][] {
  const names = [...Object.keys(program.stepInputs), ...Object.keys(program.sharedInputs ?? {})]
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) {
    throw new RangeError(`onnx-grad: input ${twice} is one of every step and a shared one; keep it in one`)
  }
  for (const name of names) {
    if (reserved.has(name) || stateNames.test(name)) {
      throw new RangeError(`onnx-grad: the training graph itself has an input ${name}; choose another name`)
    }
  }
  return Object.entries({ ...program.stepInputs, ...numberSpecs })
}

/** @throws TypeError if a loss function gives something else, and RangeError for a metric that is there anyway. */
export function checkLoss(result: ReturnType<TrainingProgram['loss']>): ReturnType<TrainingProgram['loss']> {
  const { loss, metrics = {} } = result as Partial<typeof result>
  if (loss === undefined) {
    throw new TypeError(
      'onnx-grad: the loss of a program must return { loss, metrics }, with a tensor as loss',
    )
  }
  for (const name of ['loss', 'grad_norm']) {
    if (Object.hasOwn(metrics, name))
      throw new RangeError(`onnx-grad: ${name} is reported anyway; give the metric another name`)
  }
  return result
}

/** @throws RangeError if the loss reads inputs that the program does not declare. */
export function checkInputs(undeclared: readonly { readonly name: string }[]): void {
  const [first] = undeclared
  if (first === undefined) return
  throw new RangeError(
    `onnx-grad: the loss reads input ${first.name}, which the program does not have; add it to stepInputs or sharedInputs`,
  )
}

/** @throws RangeError if a metric is not a scalar. */
export function checkMetrics(metrics: Readonly<Record<string, Tensor>>): void {
  for (const [name, { shape }] of Object.entries(metrics)) {
    if (shape.length > 0)
      throw new RangeError(`onnx-grad: metric ${name} has shape ${formatShape(shape)}; it must be a scalar`)
  }
}
