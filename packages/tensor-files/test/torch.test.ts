import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import type { TensorEntry } from '../src/index.ts'
import { decodeTorch, isTensor, readSafetensors, readTorch, toFloat32 } from '../src/index.ts'
import { allBits, bits, fixture } from './support/files.ts'

test('every type, strided, sliced, expanded, shared and empty tensors are as safetensors has them', async () => {
  const { tensors } = await readTorch(fixture('types.pt'))
  const expected = await readSafetensors(fixture('types.safetensors'))
  expect(tensors.size).toBe(15)
  expect(allBits(tensors)).toEqual(allBits(expected.tensors))
})

test('tensors of one storage share their memory', async () => {
  const { tensors } = await readTorch(fixture('types.pt'))
  const [whole, part] = [tensors.get('shared')!, tensors.get('offset')!]
  expect(part.data.buffer).toBe(whole.data.buffer)
  expect(part.data.byteOffset - whole.data.byteOffset).toBe(48)
})

test('bytes in memory give the same as the file', async () => {
  const fromFile = await readTorch(fixture('types.pt'))
  const fromBytes = await decodeTorch(await readFile(fixture('types.pt')))
  expect(allBits(fromBytes.tensors)).toEqual(allBits(fromFile.tensors))
})

test.each([3, 4, 5])('protocol %p is read', async (protocol) => {
  const { tensors } = await readTorch(fixture(`protocol-${protocol}.pt`))
  expect(tensors.get('a')).toEqual({
    dtype: 'F32',
    shape: [2, 4],
    data: Float32Array.of(0, 1, 2, 3, 12, 13, 14, 15),
  })
  expect(tensors.get('b')!.data.at(-1)).toBe(23)
})

test('a bare tensor is called tensor and is the value', async () => {
  const { tensors, value } = await readTorch(fixture('bare.pt'))
  expect([...tensors.keys()]).toEqual(['tensor'])
  expect(tensors.get('tensor')).toBe(value)
  expect(isTensor(value)).toBe(true)
  expect(tensors.get('tensor')!.shape).toEqual([2, 3, 4])
})

test('a dict by number has the numbers as names', async () => {
  const { tensors, value } = await readTorch(fixture('by-id.pt'))
  expect([...tensors.keys()]).toEqual(['7', '11'])
  expect([...(value as Map<number, unknown>).keys()]).toEqual([7, 11])
})

test('a file without checksums is read', async () => {
  const { tensors } = await readTorch(fixture('no-crc.pt'))
  expect(tensors.get('a')!.data).toEqual(Float32Array.of(1, 1))
})

test('NumPy arrays are read: C and Fortran order, both byte orders, narrow integers', async () => {
  const { tensors } = await readTorch(fixture('numpy.pth'))
  const values = [0, 0.1, 0.2, 0.3, 0.4, 0.5].map((value) => Math.fround(value))
  const array = tensors.get('tensor')!
  expect([array.dtype, array.shape]).toEqual(['F32', [2, 3]])
  expect(Array.from(toFloat32(array))).toEqual(
    [0, 1, 2, 3, 4, 5].map((i) => Math.fround(i * Math.fround(0.1))),
  )
  const types = (await readTorch(fixture('numpy-types.pth'))).tensors
  expect(bits(types.get('fortran')!)).toBe(bits(array))
  expect(types.get('big')!.dtype).toBe('F64')
  Array.from(types.get('big')!.data, Number).forEach((value, i) => expect(value).toBeCloseTo(values[i]!, 6))
  expect(types.get('small')).toEqual({ dtype: 'I32', shape: [2], data: Int32Array.of(-1, 2) })
  expect(types.get('flags')).toEqual({ dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) })
})

test('NumPy before version 2 has another module name', async () => {
  const bytes = await readFile(fixture('numpy.pth'))
  const { tensors } = await readTorch(fixture('numpy.pth'))
  const text = bytes.toString('latin1')
  expect(text).toContain('numpy._core.multiarray')
  const { makeZip } = await import('./support/zip.ts')
  const start = text.indexOf('\x80\x02cnumpy')
  const end = text.indexOf('.', text.indexOf('tq', start)) + 1
  const old = text.slice(start, end).replace('numpy._core.multiarray', 'numpy.core.multiarray')
  const file = makeZip([{ name: 'a/data.pkl', data: Buffer.from(old, 'latin1') }])
  expect(bits((await decodeTorch(file)).tensors.get('tensor')!)).toBe(bits(tensors.get('tensor')!))
})

test('a Lightning checkpoint: the state dict as tensors, everything else as value', async () => {
  const { tensors, value } = await readTorch(fixture('lightning.ckpt'))
  expect([...tensors.keys()]).toEqual(['0.weight', '0.bias', '1.weight', '1.bias'])
  const top = value as Map<string, Map<string, unknown>>
  expect(top.get('global_step')).toBe(2 ** 40)
  expect([...top.get('hyper_parameters')!]).toEqual([
    ['lr', 1e-4],
    ['sizes', [2, 3]],
    ['name', 'größe'],
    ['none', null],
    ['seed', 2n ** 63n],
    ['__proto__', new Map([['admin', true]])],
  ])
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
  const [optimizer] = top.get('optimizer_states') as unknown as Map<
    string,
    Map<number, Map<string, TensorEntry>>
  >[]
  expect(optimizer!.get('state')!.get(0)!.get('step')!.data).toEqual(Float32Array.of(1))
})
