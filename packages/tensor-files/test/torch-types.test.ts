import { expect, test } from '@jest/globals'
import { decodeTorch, readTorch, toFloat32 } from '../src/index.ts'
import { fixture } from './support/files.ts'
import { op, pickle, storage, torchFile } from './support/pickle.ts'

test('views of the other sign, parameters, narrow integers and 8-bit floats are as PyTorch has them', async () => {
  const { tensors } = await readTorch(fixture('views-and-types.pt'))
  const { tensors: expected } = await readTorch(fixture('views-and-types-expected.pt'))
  expect([...tensors.keys()]).toEqual([...expected.keys()].map((name) => `tensors.${name}`))
  expect(expected.size).toBe(16)
  for (const [name, { dtype, shape, data }] of expected) {
    const found = tensors.get(`tensors.${name}`)!
    expect([name, found.dtype, found.shape]).toEqual([name, dtype, shape])
    expect(Array.from(toFloat32(found))).toEqual(Array.from(toFloat32({ dtype, shape, data })))
  }
})

test('what PyTorch shows of a negated view, in numbers', async () => {
  const { tensors } = await readTorch(fixture('views-and-types.pt'))
  expect([...tensors.get('tensors.neg_imag')!.data]).toEqual([-2, -4])
  expect([...tensors.get('tensors.neg')!.data]).toEqual([-0, -1, -2, -3])
  expect([...toFloat32(tensors.get('tensors.neg_half')!)]).toEqual([-1, 0.5, -0])
})

test('a torch.Size is a tuple of numbers', async () => {
  const { value } = await readTorch(fixture('views-and-types.pt'))
  expect((value as Map<string, unknown>).get('size')).toEqual([2, 3])
})

test('widened tensors of one storage share their memory too', async () => {
  const { tensors } = await readTorch(fixture('views-and-types.pt'))
  expect(tensors.get('tensors.part')!.data.buffer).toBe(tensors.get('tensors.shared')!.data.buffer)
})

test('a complex tensor is refused, with what to save instead', async () => {
  await expect(readTorch(fixture('complex-conj.pt'))).rejects.toThrow(
    'it asks for "torch.ComplexFloatStorage", which is not one of the',
  )
})

test('another property of a view is refused', async () => {
  const view = (property: string, value: Buffer): Buffer =>
    Buffer.concat([
      op.global('torch._utils', '_rebuild_tensor_v2'),
      op.mark,
      storage(),
      op.int(0),
      op.mark,
      op.int(4),
      op.tuple,
      op.mark,
      op.int(1),
      op.tuple,
      op.false,
      op.none,
      op.dict,
      op.text(property),
      value,
      op.setItem,
      op.tuple,
      op.reduce,
    ])
  const read = (property: string, value: Buffer): Promise<unknown> =>
    decodeTorch(torchFile(pickle(view(property, value))), 'x.pt')
  await expect(read('conj', Buffer.of(0x88))).rejects.toThrow(
    'a tensor is a view with the property "conj", which is not read; save tensor.resolve_conj()',
  )
  await expect(read('conj', op.false)).resolves.toBeDefined()
})

test('a parameter of something that is not a tensor is refused', async () => {
  const parameter = Buffer.concat([
    op.global('torch._utils', '_rebuild_parameter'),
    op.mark,
    op.int(1),
    op.false,
    op.none,
    op.tuple,
    op.reduce,
  ])
  await expect(decodeTorch(torchFile(pickle(parameter)), 'x.pt')).rejects.toThrow(
    'a parameter is not described as PyTorch does',
  )
})

test('a file with one parameter holds its tensor', async () => {
  const { tensors } = await readTorch(fixture('parameter.pt'))
  expect(tensors.get('p')).toEqual({ dtype: 'F32', shape: [2], data: Float32Array.of(1, 1) })
})
