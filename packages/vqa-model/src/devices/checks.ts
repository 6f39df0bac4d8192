import { encodeModel, type GraphSpec, type NodeSpec, type ValueSpec } from './onnx-bytes.ts'

/** A graph of one operator that models use, with inputs and what must come out. */
export interface DeviceCheck {
  readonly name: string
  readonly model: Buffer
  readonly inputs: readonly CheckInput[]
  /** elements of the output `y` */
  readonly expected: readonly number[]
}

/** Numbers that float16 holds exactly; none for an empty tensor. */
export interface CheckInput extends ValueSpec {
  readonly values: readonly number[]
}

const square = { dims: [2, 2], values: [1, 2, 3, 4] }
const SQUARED = [7, 10, 15, 22]

function check(
  name: string,
  node: Omit<NodeSpec, 'inputs' | 'outputs'>,
  inputs: readonly CheckInput[],
  { expected, outputs = [output('y', inputs[0]!)] }: { expected: number[]; outputs?: ValueSpec[] },
): DeviceCheck {
  const names = inputs.map((input) => input.name)
  const spec = { ...node, inputs: names, outputs: outputs.map((value) => value.name) }
  return { name, model: encodeModel({ nodes: [spec], inputs, outputs }), inputs, expected }
}

function output(name: string, { type }: ValueSpec, dims: readonly number[] = [2, 2]): ValueSpec {
  return { name, type, dims }
}

/** y = a b for 2 x 2 matrices. */
function product(name: string, type: 'float32' | 'float16'): DeviceCheck {
  const inputs = [
    { name: 'a', type, ...square },
    { name: 'b', type, ...square },
  ]
  return check(name, { op: 'MatMul' }, inputs, { expected: SQUARED })
}

/** Sums over the four 2 x 2 windows of a 3 x 3 image: CUDA leaves it to cuDNN. */
function convolution(): DeviceCheck {
  const image = {
    name: 'x',
    type: 'float32',
    dims: [1, 1, 3, 3],
    values: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  } as const
  const kernel = { name: 'w', type: 'float32', dims: [1, 1, 2, 2], values: [1, 1, 1, 1] } as const
  return check('Conv', { op: 'Conv' }, [image, kernel], {
    expected: [12, 16, 24, 28],
    outputs: [output('y', image, [1, 1, 2, 2])],
  })
}

const HEAD_SIZE = 16

/**
 * Two heads that share keys and values, in float16, as CUDA has it in no wider type. With queries of zero every token takes
 * the mean of the values up to its own: 1 for the first, (1 + 3) / 2 for the second.
 */
function groupedAttention(): DeviceCheck {
  const type = 'float16'
  const filled = (...values: number[]): number[] =>
    values.flatMap((value) => Array.from({ length: HEAD_SIZE }, () => value))
  const none = { type, dims: [1, 1, 0, HEAD_SIZE], values: [] } as const
  const inputs: CheckInput[] = [
    { name: 'query', type, dims: [1, 2, 2 * HEAD_SIZE], values: filled(0, 0, 0, 0) },
    { name: 'key', type, dims: [1, 2, HEAD_SIZE], values: filled(1, 1) },
    { name: 'value', type, dims: [1, 2, HEAD_SIZE], values: filled(1, 3) },
    { name: 'past_key', ...none },
    { name: 'past_value', ...none },
    { name: 'last_positions', type: 'int32', dims: [1], values: [1] },
    { name: 'length', type: 'int32', dims: [], values: [2] },
  ]
  const present = { type, dims: [1, 1, 2, HEAD_SIZE] } as const
  const node = {
    op: 'GroupQueryAttention',
    domain: 'com.microsoft',
    integers: { num_heads: 2, kv_num_heads: 1 },
  }
  return check(node.op, node, inputs, {
    expected: filled(1, 1, 2, 2),
    outputs: [
      { name: 'y', type, dims: [1, 2, 2 * HEAD_SIZE] },
      { name: 'present_key', ...present },
      { name: 'present_value', ...present },
    ],
  })
}

/** Multiplies by the same matrix three times. */
function loop(): DeviceCheck {
  const matrix = { dims: [2, 2], values: [1, 1, 0, 1] }
  const state: ValueSpec = { name: 'state', type: 'float32', dims: [2, 2] }
  const condition: ValueSpec = { name: 'go', type: 'bool', dims: [] }
  const body: GraphSpec = {
    nodes: [
      { op: 'Identity', inputs: ['go'], outputs: ['go_on'] },
      { op: 'MatMul', inputs: ['state', 'matrix'], outputs: ['next'] },
    ],
    inputs: [{ name: 'step', type: 'int64', dims: [] }, condition, state],
    outputs: [
      { ...condition, name: 'go_on' },
      { ...state, name: 'next' },
    ],
  }
  const inputs: CheckInput[] = [
    { name: 'steps', type: 'int64', dims: [], values: [3] },
    { name: 'start', type: 'bool', dims: [], values: [1] },
    { name: 'first', type: 'float32', ...matrix },
    { name: 'matrix', type: 'float32', ...matrix },
  ]
  const node = { op: 'Loop', inputs: ['steps', 'start', 'first'], outputs: ['y'], body }
  const model = encodeModel({ nodes: [node], inputs, outputs: [output('y', state)] })
  return { name: 'Loop', model, inputs, expected: [1, 4, 0, 1] }
}

/** What models ask of a device, the simplest first. */
export function deviceChecks(): DeviceCheck[] {
  return [
    product('MatMul', 'float32'),
    product('MatMul in float16', 'float16'),
    convolution(),
    groupedAttention(),
    loop(),
  ]
}
