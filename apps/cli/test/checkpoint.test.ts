import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { createModel, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import type { CheckpointDescription } from '@lever/pointer-model'
import { readSafetensors, readTorch } from '@lever/tensor-files'
import { lever, scratch } from './support/lever.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/golden/pointer-model/${name}`, import.meta.url))

async function inspect(
  file: string,
  ...more: string[]
): Promise<CheckpointDescription & { code: number | null }> {
  const { code, stdout, stderr } = await lever(['checkpoint', 'inspect', file, '--json', ...more])
  expect(stderr).toBe('')
  return { code, ...(JSON.parse(stdout) as CheckpointDescription) }
}

describe('checkpoint inspect', () => {
  test('shows all that a file of ours says', async () => {
    const model = createModel({ settings: { dim: 6, hidden: 4 }, seed: 1 })
    const info = {
      phase: 'rce',
      epoch: 3,
      step: 12,
      metrics: { 'eval/reward': 0.5 },
      dataHash: 'ab',
      pool: { size: 8 },
    }
    await writeCheckpoint(at('own.safetensors'), { model, info })
    const found = await inspect(at('own.safetensors'))
    expect(found).toMatchObject({ code: 0, format: 'lever', problem: null, info, metadata: {} })
    expect(found.policy).toMatchObject({
      architecture: 'cross-attention',
      config: { dim: 6, hidden: 4 },
      missing: [],
    })
    expect(found.tensors).toHaveLength(11)
    expect(found.tensors).toContainEqual({ name: 'query_proj.weight', dtype: 'F32', shape: [4, 4] })
    const { stdout } = await lever(['checkpoint', 'inspect', at('own.safetensors')])
    expect(stdout).toContain('eval/reward   0.5')
    expect(stdout).toContain('query_proj.weight                    F32   [4, 4]')
  })

  test('says in words that a policy was never trained', async () => {
    const model = createModel({ settings: { dim: 6, hidden: 4 }, seed: 1 })
    await writeCheckpoint(at('new.safetensors'), { model, info: { phase: 'init', trained: false } })
    expect(await inspect(at('new.safetensors'))).toMatchObject({ code: 0, untrained: true })
    const { stdout } = await lever(['checkpoint', 'inspect', at('new.safetensors')])
    expect(stdout).toContain('This policy was never trained: its choices are arbitrary.')
    expect(await inspect(at('own.safetensors'))).toMatchObject({ untrained: false })
  })

  test('shows files of the original, and what is not of the policy', async () => {
    const found = await inspect(golden('identity-input.ckpt'))
    expect(found).toMatchObject({ code: 0, format: 'pytorch', info: { epoch: 10, step: 1234 } })
    expect(found.policy).toMatchObject({
      config: { dim: 24, heads: 1 },
      ignored: ['lever_lm.sen_model.text_projection.weight'],
    })
    expect(found.sha256).toBe('63abb8761e48518e11aaeff37847294aa508d3eaf631b97e460cc865e46cd927')
  })

  test('describes tensors that are no policy, with exit code 2', async () => {
    const found = await inspect(golden('small-1layer.expected.safetensors'))
    expect(found).toMatchObject({ code: 2, format: 'safetensors', policy: null })
    expect(found.problem).toContain('is not a known pointer network')
    expect(found.tensors.length).toBeGreaterThan(10)
  })

  test('refuses what is not a tensor file', async () => {
    writeFileSync(at('text.pt'), 'no tensors here')
    const { code, stdout, stderr } = await lever(['checkpoint', 'inspect', at('text.pt')])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^lever: tensor-files: .*text\.pt/)
  })
})

describe('checkpoint convert', () => {
  test('from PyTorch and back keeps names and bits', async () => {
    const made = await lever([
      'checkpoint',
      'convert',
      golden('small-1layer.pt'),
      at('small.safetensors'),
      '--json',
    ])
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(made.stdout)).toMatchObject({
      architecture: 'cross-attention',
      tensors: 11,
      parameters: 2672,
    })
    expect((await readCheckpoint(at('small.safetensors'))).info).toMatchObject({ phase: 'rce', epoch: 5 })
    const back = [
      'checkpoint',
      'convert',
      at('small.safetensors'),
      at('back.safetensors'),
      '--to',
      'original',
    ]
    expect((await lever(back)).code).toBe(0)
    const { tensors, metadata } = await readSafetensors(at('back.safetensors'))
    expect([...metadata]).toEqual([['format', 'pt']])
    const original = await readTorch(golden('small-1layer.pt'))
    expect([...tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort())
    for (const [name, entry] of tensors) expect(entry).toEqual(original.tensors.get(name))
  })

  test('takes what the file does not say, and counts what is left out', async () => {
    const heads = [
      'checkpoint',
      'convert',
      golden('three-layers-two-heads.pth'),
      at('heads.safetensors'),
      '--heads',
      '2',
    ]
    expect((await lever(heads)).code).toBe(0)
    expect((await readCheckpoint(at('heads.safetensors'))).model.config).toMatchObject({
      heads: 2,
      layers: 3,
    })
    const { stdout } = await lever([
      'checkpoint',
      'convert',
      golden('identity-input.ckpt'),
      at('identity.safetensors'),
    ])
    expect(stdout).toContain('1 tensor of other modules left out')
  })

  test('warns of a state dict that the original cannot take', async () => {
    const model = createModel({
      architecture: 'mlp-cross-attention',
      settings: { dim: 6, hidden: 4 },
      seed: 1,
    })
    await writeCheckpoint(at('mlp.safetensors'), { model, info: {} })
    const { code, stderr } = await lever([
      'checkpoint',
      'convert',
      at('mlp.safetensors'),
      at('mlp-back.safetensors'),
      '--to',
      'original',
    ])
    expect(code).toBe(0)
    expect(stderr).toContain('warning: the original has no architecture mlp-cross-attention')
  })

  test('overwrites nothing and writes only safetensors', async () => {
    const before = readFileSync(at('heads.safetensors'))
    const over = await lever(['checkpoint', 'convert', golden('small-1layer.pt'), at('heads.safetensors')])
    expect(over).toMatchObject({ code: 2, stdout: '' })
    expect(over.stderr).toContain('exists and is not overwritten')
    expect(readFileSync(at('heads.safetensors')).equals(before)).toBe(true)
    const torch = await lever(['checkpoint', 'convert', golden('small-1layer.pt'), at('x.pt')])
    expect(torch).toMatchObject({ code: 2, stdout: '' })
    expect(torch.stderr).toMatch(
      /^lever: <out>: .*x\.pt does not end in \.safetensors.*docs\/checkpoints\.md/,
    )
  })
})
