import type { ZipEntry } from './zip.ts'
import { makeZip } from './zip.ts'

const bytes = (...codes: number[]): Buffer => Buffer.from(codes)

/** Instructions of pickle, to write files that PyTorch would never write. */
export const op = {
  proto: bytes(0x80, 2),
  stop: bytes(0x2e),
  mark: bytes(0x28),
  none: bytes(0x4e),
  false: bytes(0x89),
  dict: bytes(0x7d),
  list: bytes(0x5d),
  set: bytes(0x8f),
  emptyTuple: bytes(0x29),
  tuple: bytes(0x74),
  tuple1: bytes(0x85),
  tuple2: bytes(0x86),
  tuple3: bytes(0x87),
  reduce: bytes(0x52),
  build: bytes(0x62),
  newObject: bytes(0x81),
  append: bytes(0x61),
  appends: bytes(0x65),
  setItem: bytes(0x73),
  setItems: bytes(0x75),
  addItems: bytes(0x90),
  persistent: bytes(0x51),
  stackGlobal: bytes(0x93),
  int: (value: number): Buffer => {
    const data = Buffer.alloc(5)
    data[0] = 0x4a
    data.writeInt32LE(value, 1)
    return data
  },
  long: (value: bigint): Buffer => {
    const data = Buffer.alloc(10)
    data[0] = 0x8a
    data[1] = 8
    data.writeBigInt64LE(value, 2)
    return data
  },
  text: (value: string): Buffer => {
    const utf8 = Buffer.from(value)
    const head = Buffer.alloc(5)
    head[0] = 0x58
    head.writeUInt32LE(utf8.length, 1)
    return Buffer.concat([head, utf8])
  },
  put: (index: number): Buffer => bytes(0x71, index),
  get: (index: number): Buffer => bytes(0x68, index),
  global: (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`),
}

/** A pickle of protocol 2 with these instructions. */
export function pickle(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([op.proto, ...parts, op.stop])
}

export interface TensorParts {
  storage?: Buffer
  offset?: Buffer
  shape?: readonly Buffer[]
  stride?: readonly Buffer[]
}

/** Instructions that make a storage. */
export function storage(type = 'FloatStorage', key = '0', size = op.int(4)): Buffer {
  const parts = [op.text('storage'), op.global('torch', type), op.text(key), op.text('cpu'), size]
  return Buffer.concat([op.mark, ...parts, op.tuple, op.persistent])
}

/** Instructions that make a tensor. */
export function tensor({
  storage: from = storage(),
  offset = op.int(0),
  shape = [op.int(4)],
  stride = [op.int(1)],
}: TensorParts = {}): Buffer {
  return Buffer.concat([
    op.global('torch._utils', '_rebuild_tensor_v2'),
    op.mark,
    from,
    offset,
    op.mark,
    ...shape,
    op.tuple,
    op.mark,
    ...stride,
    op.tuple,
    op.false,
    op.global('collections', 'OrderedDict'),
    op.emptyTuple,
    op.reduce,
    op.tuple,
    op.reduce,
  ])
}

/** A file of torch.save with this pickle and storage `data/0` of 16 bytes, and more entries. */
export function torchFile(data: Buffer, more: readonly ZipEntry[] = [], storageBytes = 16): Buffer {
  return makeZip([
    { name: 'a/data.pkl', data },
    { name: 'a/data/0', data: Buffer.alloc(storageBytes, 1) },
    ...more,
    { name: 'a/version', data: Buffer.from('3\n') },
  ])
}
