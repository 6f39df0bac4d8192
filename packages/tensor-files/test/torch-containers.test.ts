import { readFile } from 'node:fs/promises'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { decodeTorch, readTorch } from '../src/index.ts'
import { fixture } from './support/files.ts'
import { op, pickle, storage, tensor, torchFile } from './support/pickle.ts'
import { makeZip } from './support/zip.ts'

async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await decodeTorch(bytes, 'x.pt')
  } catch (error) {
    expect(error).toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
    return (error as Error).message
  }
  return 'accepted'
}

describe('NumPy arrays', () => {
  const encode = (text: string, encoding = 'latin1'): Buffer =>
    Buffer.concat([op.global('_codecs', 'encode'), op.text(text), op.text(encoding), op.tuple2, op.reduce])
  const array = (...state: readonly Buffer[]): Buffer =>
    Buffer.concat([
      op.global('numpy.core.multiarray', '_reconstruct'),
      op.global('numpy', 'ndarray'),
      op.int(0),
      op.tuple1,
      encode('b'),
      op.tuple3,
      op.reduce,
      ...(state.length === 0 ? [] : [op.mark, op.int(1), ...state, op.tuple, op.build]),
    ])
  const type = (code: string, order = '<'): Buffer => {
    const made = [op.global('numpy', 'dtype'), op.text(code), op.false, op.false, op.tuple3, op.reduce]
    return Buffer.concat([...made, op.mark, op.int(3), op.text(order), op.none, op.tuple, op.build])
  }
  const shape = Buffer.concat([op.int(1), op.tuple1])

  test('are accepted', async () => {
    const { tensors } = await decodeTorch(
      torchFile(pickle(array(shape, type('f4'), op.false, encode('\x00\x00\x80\x3f')))),
    )
    expect(tensors.get('tensor')!.data).toEqual(Float32Array.of(1))
  })

  test.each<[string, Buffer, RegExp]>([
    ['without content', array(), /has no content/],
    ['of objects', array(shape, type('O8'), op.false, op.list), /type O8/],
    ['of complex numbers', array(shape, type('c8'), op.false, encode('12345678')), /type c8/],
    ['with too few bytes', array(shape, type('f4'), op.false, encode('123')), /needs 4 bytes and has 3/],
    ['with too many bytes', array(shape, type('f4'), op.false, encode('12345')), /needs 4 bytes and has 5/],
    ['with a list of objects', array(shape, type('f4'), op.false, op.list), /not described as NumPy does/],
    ['with an order that is none', array(shape, type('f4', 'x'), op.false, encode('1234')), /no byte order/],
    ['with text beyond latin1', array(shape, type('f4'), op.false, encode('1234€')), /other characters/],
    [
      'with another encoding',
      array(shape, type('f4'), op.false, encode('1234', 'utf-7')),
      /otherwise than as latin1/,
    ],
    [
      'of another class',
      Buffer.concat([
        op.global('numpy.core.multiarray', '_reconstruct'),
        op.global('torch', 'FloatStorage'),
        op.tuple1,
        op.reduce,
      ]),
      /another class/,
    ],
  ])('%s are refused', async (_name, parts, message) => {
    expect(await refusal(torchFile(pickle(parts)))).toMatch(message)
  })
})

describe('zip archives', () => {
  const data = pickle(tensor())
  const part = { name: 'a/data.pkl', data }
  const zeros = { name: 'a/data/0', data: Buffer.alloc(16) }
  const large = tensor({ storage: storage('FloatStorage', '0', op.int(1 << 28)) })
  const huge = { ...part, data: pickle(large) }

  test('a zip bomb: a megabyte in a kilobyte', async () => {
    const bomb = { name: 'a/data/0', data: deflateRawSync(Buffer.alloc(1 << 20)), method: 8, size: 1 << 20 }
    expect(await refusal(makeZip([part, bomb]))).toContain('"a/data/0" is compressed (')
  })

  test('a zip bomb: entries that overlap', async () => {
    const many = Array.from({ length: 10 }, (_, i) => ({
      name: `a/data/${i + 1}`,
      data: zeros.data,
      sameAs: 1,
    }))
    expect(await refusal(makeZip([part, zeros, ...many]))).toContain('overlaps another one')
  })

  test.each(['a/../../etc/passwd', '../a/data.pkl', '/etc/passwd', 'C:/x', 'a\\..\\b'])(
    'the name %s',
    async (name) => {
      expect(await refusal(makeZip([part, zeros, { name, data: zeros.data }]))).toMatch(
        /directory is damaged: (invalid|absolute)/,
      )
    },
  )

  test.each<[string, Uint8Array, RegExp]>([
    ['a repeated name', makeZip([part, zeros, zeros]), /"a\/data\/0" appears twice/],
    ['two folders', makeZip([part, zeros, { name: 'b/x', data }]), /not in one folder/],
    ['no folder', makeZip([{ name: 'data.pkl', data }]), /not in one folder/],
    ['no pickle', makeZip([zeros]), /it has no data.pkl/],
    ['nothing inside', makeZip([]), /not a file of torch.save|directory is damaged|not in one folder/],
    ['an encrypted entry', makeZip([{ ...part, flags: 1 }, zeros]), /encrypted|mismatch/],
    [
      'a size beyond the file',
      makeZip([huge, { ...zeros, size: 1 << 30 }]),
      /file data overflows file bounds/,
    ],
    ['a wrong checksum', makeZip([part, { ...zeros, crc: 1 }]), /does not match its checksum/],
    [
      'a big-endian machine',
      torchFile(data, [{ name: 'a/byteorder', data: Buffer.from('big') }]),
      /byte order is "big"/,
    ],
    ['nothing', Buffer.alloc(0), /not a file of torch.save/],
    ['a picture', Buffer.from('\x89PNG\r\n'), /not a file of torch.save/],
  ])('%s', async (_name, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message)
  })

  test('a file that is cut off anywhere', async () => {
    const bytes = await readFile(fixture('protocol-4.pt'))
    for (let end = 0; end < bytes.length; end += 7) {
      expect(await refusal(bytes.subarray(0, end))).not.toBe('accepted')
    }
  })
})

test('a missing file and a folder', async () => {
  await expect(readTorch(fixture('missing.pt'))).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  await expect(readTorch(fixture('.'))).rejects.toThrow('not a regular file')
})
