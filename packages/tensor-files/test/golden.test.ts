import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { decodeSafetensors, encodeSafetensors, readSafetensors, readTorch } from '../src/index.ts'
import { allBits } from './support/files.ts'

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/golden/pointer-model/${name}`, import.meta.url))

test.each([
  ['small-1layer.pt', 11],
  ['three-layers-two-heads.pth', 23],
])('%s has the tensors of its safetensors file, bit for bit', async (name, count) => {
  const { tensors } = await readTorch(golden(name))
  const expected = await readSafetensors(golden(name.replace(/\.\w+$/, '.weights.safetensors')))
  expect(tensors.size).toBe(count)
  expect(allBits(tensors)).toEqual(allBits(expected.tensors))
})

test('identity-input.ckpt has the tensors of its safetensors file, bit for bit', async () => {
  const { tensors, value } = await readTorch(golden('identity-input.ckpt'))
  const expected = await readSafetensors(golden('identity-input.weights.safetensors'))
  const renamed = new Map(
    Array.from(tensors, ([name, entry]) => {
      const bare = name.replace(/^lever_lm\.pointer_selector\./, '')
      return [
        bare.replace(/^cross_attn\./, 'cross_attn_layers.0.').replace(/^attn_norm\./, 'attn_norms.0.'),
        entry,
      ]
    }),
  )
  const foreign = [...renamed.keys()].filter((name) => !expected.tensors.has(name))
  expect(foreign).toEqual(['lever_lm.sen_model.text_projection.weight'])
  foreign.forEach((name) => renamed.delete(name))
  expect(allBits(renamed)).toEqual(allBits(expected.tensors))
  expect(value).toBeInstanceOf(Map)
  const top = value as Map<string, unknown>
  expect(top.get('epoch')).toBe(9)
  expect(top.get('global_step')).toBe(1234)
  expect(top.get('hyper_parameters')).toBeInstanceOf(Map)
})

test.each(['small-1layer', 'three-layers-two-heads', 'identity-input'])(
  '%s: weights and expected values survive writing and reading',
  async (name) => {
    for (const kind of ['weights', 'expected']) {
      const file = decodeSafetensors(await readFile(golden(`${name}.${kind}.safetensors`)))
      expect(file.tensors.size).toBeGreaterThan(8)
      const again = decodeSafetensors(encodeSafetensors(file))
      expect(allBits(again.tensors)).toEqual(allBits(file.tensors))
      expect(again.metadata).toEqual(file.metadata)
    }
  },
)
