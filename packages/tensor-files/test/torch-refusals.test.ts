import { access } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import { decodeTorch, readTorch } from '../src/index.ts'
import { ALLOWED_GLOBALS } from '../src/torch-globals.ts'
import { fixture } from './support/files.ts'
import { op, pickle, storage, tensor, torchFile } from './support/pickle.ts'

async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await decodeTorch(bytes, 'x.pt')
  } catch (error) {
    expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
    return (error as Error).message
  }
  return 'accepted'
}

test('the files that these tests start from are accepted', async () => {
  const { tensors } = await decodeTorch(torchFile(pickle(tensor())))
  expect(tensors.get('tensor')!.data.length).toBe(4)
})

test('the list of names has at most 27', () => {
  expect(ALLOWED_GLOBALS.size).toBe(27)
})

describe('CVE-2025-32434: code in the formats before PyTorch 1.6', () => {
  test.each(['cve-2025-32434.tar', 'before-1.6.pt'])('%s is refused unread', async (name) => {
    await expect(readTorch(fixture(name))).rejects.toThrow(
      'it has a format of PyTorch before 1.6, which is not read',
    )
  })

  test('and code in the current format runs nothing', async () => {
    await expect(readTorch(fixture('attack.pt'))).rejects.toThrow('it asks for "posix.system"')
    await expect(access('/tmp/lever-was-here')).rejects.toThrow('ENOENT')
  })
})

describe('CVE-2026-24747: SETITEM on other things, storages of another length', () => {
  const pair = [op.text('a'), op.int(1)]
  test.each<[string, Buffer]>([
    ['tuple', op.emptyTuple],
    ['list', op.list],
    ['tensor', tensor()],
    ['StorageRef', storage()],
    ['collections.OrderedDict', op.global('collections', 'OrderedDict')],
    ['None', op.none],
    ['number', op.int(1)],
    ['string', op.text('x')],
    ['Set', op.set],
  ])('SETITEM and SETITEMS on a %s', async (kind, target) => {
    const message = `SETITEM on a ${kind}, which is not a dict`
    expect(await refusal(torchFile(pickle(target, ...pair, op.setItem)))).toContain(message)
    expect(await refusal(torchFile(pickle(target, op.mark, ...pair, op.setItems)))).toContain(message)
  })

  test.each<[string, Buffer, number]>([
    ['more elements than bytes', op.int(5), 16],
    ['fewer elements than bytes', op.int(3), 16],
    ['elements without bytes', op.int(4), 0],
    ['a length that overflows 32 bits', op.long(2n ** 32n + 4n), 16],
    ['a length that overflows 64 bits in bytes', op.long(2n ** 62n + 4n), 16],
    ['a negative length', op.int(-4), 16],
  ])('a storage with %s', async (_name, size, bytes) => {
    const data = pickle(tensor({ storage: storage('FloatStorage', '0', size) }))
    expect(await refusal(torchFile(data, [], bytes))).toMatch(
      /elements of torch.FloatStorage need|not a whole number/,
    )
  })

  test('a storage that is named but not used has its length checked too', async () => {
    const data = pickle(op.dict, op.text('a'), storage('FloatStorage', '0', op.int(9)), op.setItem)
    expect(await refusal(torchFile(data))).not.toBe('accepted')
  })
})

describe('tensors outside of their storage', () => {
  test.each<[string, Parameters<typeof tensor>[0]]>([
    ['a shape that is too large', { shape: [op.int(5)] }],
    ['an offset', { offset: op.int(1) }],
    ['an offset beyond 2^53', { offset: op.long(2n ** 60n) }],
    ['a stride', { shape: [op.int(2)], stride: [op.int(4)] }],
    ['a stride that overflows', { shape: [op.int(2)], stride: [op.long(2n ** 53n - 1n)] }],
    [
      'a product that overflows',
      { shape: [op.long(2n ** 32n), op.long(2n ** 32n)], stride: [op.int(0), op.int(0)] },
    ],
    ['a negative size', { shape: [op.int(-1)] }],
    ['a negative stride', { offset: op.int(3), stride: [op.int(-1)] }],
    ['a negative offset', { offset: op.int(-1) }],
    ['a size that is not a number', { shape: [op.text('4')] }],
    ['a truth value as size', { shape: [op.false] }],
    ['more strides than sizes', { stride: [op.int(1), op.int(1)] }],
    [
      '65 dimensions',
      { shape: Array<Buffer>(65).fill(op.int(1)), stride: Array<Buffer>(65).fill(op.int(1)) },
    ],
    ['a storage that is missing', { storage: storage('FloatStorage', '7') }],
    ['a storage outside of its folder', { storage: storage('FloatStorage', '../data.pkl') }],
    ['no storage', { storage: op.dict }],
  ])('%s', async (_name, parts) => {
    expect(await refusal(torchFile(pickle(tensor(parts))))).toMatch(
      /^tensor-files: x.pt: .*(damaged|missing)/,
    )
  })

  test('one storage as two types', async () => {
    const data = pickle(op.list, op.mark, tensor(), tensor({ storage: storage('IntStorage') }), op.appends)
    expect(await refusal(torchFile(data))).toContain('storage 0 is described in two ways')
  })

  test('an expanded tensor of gigabytes in a small file', async () => {
    const shape = [op.int(1 << 30)]
    expect(await refusal(torchFile(pickle(tensor({ shape, stride: [op.int(0)] }))))).toContain(
      'bytes of memory',
    )
  })
})

describe('names and instructions', () => {
  test.each([
    ['os', 'system'],
    ['builtins', 'eval'],
    ['torch', 'load'],
    ['torch', '__dict__'],
    ['collections', 'OrderedDict.fromkeys'],
    ['torch._tensor', '_rebuild_from_type_v2'],
    ['constructor', 'prototype'],
    ['', ''],
  ])('%s.%s is not loaded', async (module, name) => {
    const message = `it asks for "${module}.${name}"`
    expect(await refusal(torchFile(pickle(op.global(module, name), op.emptyTuple, op.reduce)))).toContain(
      message,
    )
    expect(await refusal(torchFile(pickle(op.text(module), op.text(name), op.stackGlobal)))).toContain(
      message,
    )
  })

  test('a whole model is refused with a remedy', async () => {
    await expect(readTorch(fixture('whole-model.pt'))).rejects.toThrow(
      'save only the tensors (model.state_dict())',
    )
  })

  test('a TorchScript program is refused with a remedy', async () => {
    await expect(readTorch(fixture('torchscript.pt'))).rejects.toThrow('it is a TorchScript program')
  })

  const dict = op.global('collections', 'OrderedDict')
  const float = op.global('torch', 'FloatStorage')
  test.each<[string, Buffer, RegExp]>([
    [
      'a call of something that is not a name',
      pickle(op.dict, op.emptyTuple, op.reduce),
      /called that is not a name/,
    ],
    ['a call of a storage class', pickle(float, op.emptyTuple, op.reduce), /torch.FloatStorage is called/],
    ['a call with a list', pickle(dict, op.list, op.reduce), /are not a tuple/],
    ['an OrderedDict with content', pickle(dict, op.text('ab'), op.tuple1, op.reduce), /has arguments/],
    ['BUILD on a list', pickle(op.list, op.dict, op.build), /BUILD on something/],
    ['BUILD on a tensor', pickle(tensor(), op.emptyTuple, op.build), /BUILD on something/],
    ['BUILD with other state', pickle(op.dict, op.list, op.build), /BUILD on something/],
    ['APPEND on a tuple', pickle(op.emptyTuple, op.none, op.append), /APPEND on a tuple/],
    ['APPEND on a dict', pickle(op.dict, op.none, op.append), /APPEND on a dict/],
    ['ADDITEMS on a list', pickle(op.list, op.mark, op.none, op.addItems), /ADDITEMS on a list/],
    ['a key without a value', pickle(op.dict, op.mark, op.none, op.setItems), /a key has no value/],
    ['a foreign persistent id', pickle(op.text('x'), op.persistent), /a storage is not described/],
    ['a class as value', pickle(dict), /the class collections.OrderedDict as a value/],
    ['a storage as value', pickle(storage()), /a bare storage/],
    ['an empty stack', pickle(), /its stack is empty/],
    ['a stack below the mark', pickle(op.none, op.mark, op.tuple1), /its stack is empty/],
    ['no mark', pickle(op.tuple), /a mark is missing/],
    ['a mark left over', pickle(op.mark, op.none), /left on its stack/],
    ['values left over', pickle(op.none, op.none), /left on its stack/],
    ['memo that is not there', pickle(op.get(3)), /nothing in memo 3/],
    ['bytes behind the end', Buffer.concat([pickle(op.none), Buffer.of(0)]), /follows its end/],
    ['no end', pickle(op.none).subarray(0, 3), /cut off/],
    ['nothing', Buffer.alloc(0), /cut off/],
    ['protocol 1', Buffer.of(0x80, 1, 0x4e, 0x2e), /protocol 1 is not read/],
    ['protocol 6', Buffer.of(0x80, 6, 0x4e, 0x2e), /protocol 6 is not read/],
    ['protocol 0', Buffer.from('N.'), /does not begin with a protocol/],
    ['INST', pickle(op.mark, Buffer.from('ios\nsystem\n')), /0x69 is not allowed/],
    ['OBJ', pickle(op.mark, Buffer.from('o')), /0x6f is not allowed/],
    ['PERSID', pickle(Buffer.from('Px\n')), /0x50 is not allowed/],
    ['EXT1', pickle(Buffer.of(0x82, 1)), /0x82 is not allowed/],
    ['an out-of-band buffer', pickle(Buffer.of(0x97)), /0x97 is not allowed/],
    ['a text that is longer than the file', pickle(Buffer.of(0x58, 255, 255, 255, 255)), /cut off/],
    ['a text of 2^63 bytes', pickle(Buffer.of(0x8d, 0, 0, 0, 0, 0, 0, 0, 128)), /cut off/],
    ['a text that is not UTF-8', pickle(Buffer.of(0x58, 1, 0, 0, 0, 255)), /not UTF-8/],
    ['a number of 255 bytes', pickle(Buffer.of(0x8a, 255)), /the limit is 32/],
    ['a frame that is too long', pickle(Buffer.of(0x95, 255, 0, 0, 0, 0, 0, 0, 0)), /a frame is longer/],
    ['a list in itself', pickle(op.list, op.put(0), op.get(0), op.append), /contains itself/],
    [
      '101 lists in each other',
      pickle(...Array<Buffer>(101).fill(op.list), ...Array<Buffer>(100).fill(op.append)),
      /deeper than 100/,
    ],
    ['1001 marks', pickle(...Array<Buffer>(1001).fill(op.mark)), /nested too deep/],
    ['a text of 2 MB', pickle(op.text('x'.repeat(2 << 20))), /the limit is 1 MiB/],
    ['a million dicts in a megabyte', pickle(Buffer.alloc(1 << 20, op.dict)), /bytes of memory/],
    [
      'a tensor under two equal names',
      pickle(op.dict, op.mark, op.text('1'), tensor(), op.int(1), tensor(), op.setItems),
      /two tensors are called "1"/,
    ],
  ])('%s', async (_name, data, message) => {
    expect(await refusal(torchFile(data))).toMatch(message)
  })

  test('lists that hold the next one ten times, 30 levels deep', async () => {
    const levels = Array.from({ length: 30 }, (_, i) =>
      Buffer.concat([
        op.list,
        op.put(i),
        op.mark,
        ...Array<Buffer>(10).fill(i === 0 ? tensor() : op.get(i - 1)),
        op.appends,
      ]),
    )
    const parts = levels.flatMap((level) => [level, Buffer.of(0x30)]).slice(0, -1)
    expect(await refusal(torchFile(pickle(...parts)))).toContain('bytes of memory')
  })
})
