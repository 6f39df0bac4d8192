import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { DType } from '../../src/index.ts'

const floats: readonly DType[] = ['float32', 'float64']
const numbers: readonly DType[] = [...floats, 'int32', 'int64']
const any: readonly DType[] = [...numbers, 'uint8', 'bool']

/**
 * Kernels of the CUDA execution provider for operator set 18 by the type of the first input, for the
 * operators of this package. From docs/OperatorKernels.md of microsoft/onnxruntime, commit 001d12d.
 */
export const cudaKernels: ReadonlyMap<string, readonly DType[]> = new Map([
  ['Add', [...numbers, 'uint8']],
  ['ArgMax', floats],
  ['Cast', any],
  ['Concat', any],
  ['Cos', floats],
  ['Div', [...numbers, 'uint8']],
  ['Equal', [...numbers, 'bool']],
  ['Erf', floats],
  ['Exp', floats],
  ['Expand', any],
  ['Gather', any],
  ['GatherElements', any],
  ['Gemm', floats],
  ['GreaterOrEqual', numbers],
  ['Identity', any],
  ['LayerNormalization', floats],
  ['Log', floats],
  ['LogSoftmax', floats],
  ['Loop', any],
  ['MatMul', floats],
  ['Max', numbers],
  ['Min', numbers],
  ['Mul', [...numbers, 'uint8']],
  ['Neg', numbers],
  ['Pad', [...floats, 'bool']],
  ['Reciprocal', floats],
  ['ReduceMax', numbers],
  ['ReduceSum', numbers],
  ['ReduceSumSquare', floats],
  ['Reshape', any],
  ['Shape', any],
  ['Sigmoid', floats],
  ['Sin', floats],
  ['Slice', any],
  ['Softmax', floats],
  ['Sqrt', floats],
  ['Sub', [...numbers, 'uint8']],
  ['Tanh', floats],
  ['TopK', [...floats, 'int32', 'int64']],
  ['Transpose', any],
  ['Unsqueeze', any],
  ['Where', [...numbers, 'uint8', 'bool']],
])

/** Names of the operators of an encoded model, those of subgraphs too. */
export function operatorsOf(model: Uint8Array): Set<string> {
  const found = new Set<string>()
  for (const graph of fields(model, 7)) collect(graph, found)
  return found
}

function collect(graph: Uint8Array, found: Set<string>): void {
  for (const node of fields(graph, 1)) {
    for (const name of fields(node, 4)) found.add(new TextDecoder().decode(name))
    for (const attribute of fields(node, 5)) {
      for (const inner of fields(attribute, 6)) collect(inner, found)
    }
  }
}

/** The bytes of every length-delimited field of a number in a message. */
function fields(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message)
  const result: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (number === wanted && type === WireType.LengthDelimited) result.push(reader.bytes())
    else reader.skip(type)
  }
  return result
}
