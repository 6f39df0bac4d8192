/** A small writer of ONNX files, so that tests build the models they need. */

type Dim = number | string

export interface Value {
  name: string
  type: 'f32' | 'f16' | 'i64' | 'i32' | 'bool'
  shape: readonly Dim[]
}

const TYPES = { f32: 1, i32: 6, i64: 7, bool: 9, f16: 10 } as const

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return bytes
}

const int = (field: number, value: number): Buffer => Buffer.from([...varint(field << 3), ...varint(value)])

function bytes(field: number, ...chunks: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)))
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(body.length)]), body])
}

function tensor(
  field: number,
  name: string,
  type: Value['type'],
  dims: readonly number[],
  data: Uint8Array,
): Buffer {
  return bytes(field, ...dims.map((dim) => int(1, dim)), int(2, TYPES[type]), bytes(8, name), bytes(9, data))
}

function value(field: number, { name, type, shape }: Value): Buffer {
  const dims = shape.map((dim) => bytes(1, typeof dim === 'number' ? int(1, dim) : bytes(2, dim)))
  return bytes(field, bytes(1, name), bytes(2, bytes(1, int(1, TYPES[type]), bytes(2, ...dims))))
}

type Attribute = number | string | readonly number[]

function attribute(name: string, content: Attribute): Buffer {
  if (typeof content === 'string') return bytes(5, bytes(1, name), bytes(4, content), int(20, 3))
  if (typeof content === 'number') return bytes(5, bytes(1, name), int(3, content), int(20, 2))
  return bytes(5, bytes(1, name), ...content.map((item) => int(8, item)), int(20, 7))
}

export class GraphWriter {
  private readonly nodes: Buffer[] = []
  private readonly initializers: Buffer[] = []
  private readonly known = new Map<string, string>()
  private count = 0

  /** Adds a node and returns the name of its (first) output. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    outputs: readonly string[] | string = `t${this.count}`,
    domain = '',
  ): string {
    this.count += 1
    const names = typeof outputs === 'string' ? [outputs] : outputs
    this.nodes.push(
      bytes(
        1,
        ...inputs.map((name) => bytes(1, name)),
        ...names.map((name) => bytes(2, name)),
        bytes(3, `n${this.count}`),
        bytes(4, type),
        ...Object.entries(attributes).map(([name, content]) => attribute(name, content)),
        bytes(7, domain),
      ),
    )
    return names[0]!
  }

  floats(data: ArrayLike<number>, dims: readonly number[]): string {
    const name = `w${this.initializers.length}`
    this.initializers.push(tensor(5, name, 'f32', dims, new Uint8Array(Float32Array.from(data).buffer)))
    return name
  }

  /** Floats that stand in a file of their own beside the model's. */
  externalFloats(file: string, dims: readonly number[]): string {
    const name = `w${this.initializers.length}`
    const place = bytes(13, bytes(1, 'location'), bytes(2, file))
    const shape = dims.map((dim) => int(1, dim))
    this.initializers.push(bytes(5, ...shape, int(2, TYPES.f32), bytes(8, name), place, int(14, 1)))
    return name
  }

  ints(...data: number[]): string {
    return this.intTensor(data, [data.length])
  }

  scalarInt(data: number): string {
    return this.intTensor([data], [])
  }

  private intTensor(data: readonly number[], dims: readonly number[]): string {
    const key = JSON.stringify([data, dims])
    const known = this.known.get(key)
    if (known !== undefined) return known
    const name = `i${this.known.size}`
    this.known.set(key, name)
    const raw = new Uint8Array(BigInt64Array.from(data.map(BigInt)).buffer)
    this.initializers.push(tensor(5, name, 'i64', dims, raw))
    return name
  }

  model(inputs: readonly Value[], outputs: readonly Value[]): Buffer {
    const graph = bytes(
      7,
      ...this.nodes,
      bytes(2, 'g'),
      ...this.initializers,
      ...inputs.map((input) => value(11, input)),
      ...outputs.map((output) => value(12, output)),
    )
    const opsets = [bytes(8, bytes(1, ''), int(2, 17)), bytes(8, bytes(1, 'com.microsoft'), int(2, 1))]
    return Buffer.concat([int(1, 8), graph, ...opsets])
  }
}
