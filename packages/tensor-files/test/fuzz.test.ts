import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { decodeNpy, decodeSafetensors, decodeTorch } from '../src/index.ts'
import { fixture } from './support/files.ts'
import { createDice, mutate } from './support/mutate.ts'
import { rezip } from './support/rezip.ts'

const COUNT = 1000
const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/golden/pointer-model/${name}`, import.meta.url))

/** Decodes mutants of the files; every failure must be an InputError. */
async function fuzz(
  paths: readonly string[],
  decode: (bytes: Buffer) => unknown,
  seed: number,
): Promise<number> {
  const files = await Promise.all(paths.map((path) => readFile(path)))
  const dice = createDice(seed)
  let refused = 0
  for (let i = 0; i < COUNT; i++) {
    const bytes = mutate(files[i % files.length]!, dice)
    try {
      await decode(bytes)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'LEVER_INPUT') throw error
      refused += 1
    }
  }
  return refused
}

test('mutated safetensors files give InputErrors only', async () => {
  const files = ['types.safetensors', 'order.safetensors'].map(fixture)
  const refused = await fuzz([...files, golden('small-1layer.weights.safetensors')], decodeSafetensors, 1)
  expect(refused).toBeGreaterThan(300)
  expect(refused).toBeLessThan(COUNT)
})

test('mutated .npy files give InputErrors only', async () => {
  const files = ['f4.npy', 'fortran.npy', 'i1.npy', 'big-endian.npy', 'version-2.npy', 'b1.npy'].map(fixture)
  const refused = await fuzz(files, decodeNpy, 2)
  expect(refused).toBeGreaterThan(300)
  expect(refused).toBeLessThan(COUNT)
})

const TORCH = ['types.pt', 'protocol-4.pt', 'numpy.pth', 'numpy-types.pth', 'lightning.ckpt', 'by-id.pt']

test('mutated PyTorch files give InputErrors only', async () => {
  const files = [...TORCH.map(fixture), golden('small-1layer.pt')]
  const refused = await fuzz(files, (bytes) => decodeTorch(bytes), 3)
  expect(refused).toBeGreaterThan(300)
  expect(refused).toBeLessThan(COUNT)
})

test('PyTorch files with a mutated pickle and right checksums give InputErrors only', async () => {
  const files = await Promise.all(TORCH.map(async (name) => rezip(await readFile(fixture(name)))))
  const dice = createDice(4)
  let refused = 0
  for (let i = 0; i < COUNT; i++) {
    const { pickle, build } = files[i % files.length]!
    try {
      await decodeTorch(build(mutate(pickle, dice)))
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'LEVER_INPUT') throw error
      refused += 1
    }
  }
  expect(refused).toBeGreaterThan(300)
  expect(refused).toBeLessThan(COUNT)
})
