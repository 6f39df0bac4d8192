import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeSafetensors, encodeSafetensors } from '@lever/tensor-files'
import type { TensorEntry } from '@lever/tensor-files'
import {
  ARCHITECTURES,
  ARCHITECTURE_NAMES,
  createModel,
  decodeCheckpoint,
  encodeCheckpoint,
  openPolicy,
  readCheckpoint,
  VERSION,
  writeCheckpoint,
} from '../src/index.ts'
import type { CheckpointInfo } from '../src/index.ts'
import { goldenFolder, readTensors } from './golden.ts'
import { randomInput, randomMatrix } from './world.ts'

const info: CheckpointInfo = {
  phase: 'rce',
  epoch: 3,
  step: 120,
  metrics: { reward: 0.71, loss: 6.25 },
  dataHash: 'ab12',
  protocolHash: 'cd34',
  pool: { policy: 'random', size: 64 },
  training: { learningRate: 1e-4 },
}

const golden = (file: string): string => fileURLToPath(new URL(file, goldenFolder))

describe('our files', () => {
  test.each(ARCHITECTURE_NAMES)('%s: what is written is read', async (architecture) => {
    const model = createModel({ architecture, settings: { dim: 6, hidden: 4, temperature: 0.2 }, seed: 1 })
    const folder = await mkdtemp(join(tmpdir(), 'lever-checkpoint-'))
    const path = join(folder, 'policy.safetensors')
    await writeCheckpoint(path, { model, info })
    const read = await readCheckpoint(path)
    expect(read).toEqual({
      model,
      info: { ...info, packageVersion: VERSION },
      missing: [],
      foreign: [],
      ignored: [],
    })
    expect(encodeCheckpoint(read)).toEqual(encodeCheckpoint({ model, info }))
    await rm(folder, { recursive: true })
  })

  test('what is given must be what the file says', () => {
    const model = createModel({ settings: { dim: 6, hidden: 4, heads: 2 }, seed: 1 })
    const bytes = encodeCheckpoint({ model, info })
    expect(decodeCheckpoint(bytes, 'x', { settings: { heads: 2 } }).model).toEqual(model)
    expect(() => decodeCheckpoint(bytes, 'x', { settings: { heads: 4 } })).toThrow('its heads is 2, but 4')
    expect(() => decodeCheckpoint(bytes, 'x', { architecture: 'gru' })).toThrow(
      'its architecture is cross-attention, but gru is given',
    )
  })

  const recognised = ARCHITECTURE_NAMES.filter((name) => ARCHITECTURES[name].recognise !== undefined)
  test.each(recognised)('%s: recognised by its tensors alone', (architecture) => {
    const model = createModel({ architecture, settings: { dim: 6, hidden: 4 }, seed: 1 })
    const tensors = new Map(
      [...model.parameters].map(([name, { shape, values }]): [string, TensorEntry] => [
        name,
        { dtype: 'F32', shape, data: values },
      ]),
    )
    expect(decodeCheckpoint(encodeSafetensors({ tensors }), 'bare').model).toEqual(model)
  })

  test('the version is that of the package', () => {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
    expect((JSON.parse(text) as { version: string }).version).toBe(VERSION)
  })

  const model = createModel({ settings: { dim: 6, hidden: 4 } })
  const changed = (
    change: (tensors: Map<string, TensorEntry>, metadata: Map<string, string>) => void,
  ): Uint8Array => {
    const { tensors, metadata } = decodeSafetensors(encodeCheckpoint({ model, info: {} }))
    const copies = new Map(
      [...tensors].map(([name, entry]) => [name, { ...entry, data: entry.data.slice() }]),
    )
    change(copies, metadata)
    return encodeSafetensors({ tensors: copies, metadata })
  }

  test.each([
    [
      'missing 1 (cand_proj.weight); foreign 0',
      (tensors: Map<string, TensorEntry>) => void tensors.delete('cand_proj.weight'),
    ],
    [
      '10 of 11 arrays match; missing 1 (attn_norms.0.bias); foreign 1 (attn_norms.9.bias)',
      (tensors: Map<string, TensorEntry>) => {
        tensors.set('attn_norms.9.bias', tensors.get('attn_norms.0.bias')!)
        tensors.delete('attn_norms.0.bias')
      },
    ],
    [
      'element 2 of query_proj.weight is NaN',
      (tensors: Map<string, TensorEntry>) => {
        tensors.get('query_proj.weight')!.data[2] = NaN
      },
    ],
    [
      'cand_proj.weight has shape [16], but the settings ask for [4, 4]',
      (tensors: Map<string, TensorEntry>) => {
        tensors.set('cand_proj.weight', { ...tensors.get('cand_proj.weight')!, shape: [16] })
      },
    ],
    [
      'there is no architecture "gpt"; ',
      (_: unknown, metadata: Map<string, string>) => void metadata.set('architecture', 'gpt'),
    ],
    [
      'no setting "depth"; choose one of dim, hidden',
      (_: unknown, metadata: Map<string, string>) => void metadata.set('config', '{"dim":6,"depth":2}'),
    ],
    [
      '"config" of the metadata is not JSON',
      (_: unknown, metadata: Map<string, string>) => void metadata.set('config', '{'),
    ],
  ])('refuses: %s', (message, change) => {
    const bytes = changed(change)
    expect(() => decodeCheckpoint(bytes, 'x.safetensors')).toThrow(message)
    try {
      decodeCheckpoint(bytes)
    } catch (error) {
      expect((error as { code?: string }).code).toBe('LEVER_INPUT')
    }
  })

  test('lists the first ten of many', () => {
    const bytes = changed((tensors) => {
      for (const name of [...tensors.keys()]) tensors.delete(name)
      tensors.set('x', { dtype: 'F32', shape: [1], data: new Float32Array(1) })
    })
    expect(() => decodeCheckpoint(bytes)).toThrow(
      /0 of 11 arrays match; missing 11 \((\S+, ){9}\S+, \.\.\.\); foreign 1 \(x\)/,
    )
  })

  test('takes missing and foreign tensors that are allowed, by pattern', () => {
    const bytes = changed((tensors) => {
      tensors.delete('query_update_gate.bias')
      tensors.set('extra.weight', { dtype: 'F32', shape: [1], data: new Float32Array(1) })
    })
    const read = decodeCheckpoint(bytes, 'x', {
      allowMissing: ['query_update_gate.*'],
      allowForeign: ['extra*'],
    })
    expect(read.missing).toEqual(['query_update_gate.bias'])
    expect(read.foreign).toEqual(['extra.weight'])
    expect(read.model.parameters.get('query_update_gate.bias')!.values).toEqual(new Float32Array(4))
    expect(() => decodeCheckpoint(bytes, 'x', { allowMissing: ['*'] })).toThrow('foreign 1')
  })
})

describe('files of the original', () => {
  const settings = { heads: 2 }
  test.each([
    ['small-1layer.pt', {}, { phase: 'rce', epoch: 5, metrics: { rce_loss: 1.25, val_loss: 1.5 } }, []],
    ['three-layers-two-heads.pth', { settings }, {}, []],
    ['identity-input.ckpt', {}, { epoch: 10, step: 1234 }, ['lever_lm.sen_model.text_projection.weight']],
    ['small-1layer.weights.safetensors', {}, {}, []],
  ] as const)('%s: bit for bit', async (file, options, expectedInfo, ignored) => {
    const read = await readCheckpoint(golden(file), options)
    const expected = readTensors(`${file.split('.')[0]!}.weights.safetensors`)
    expect([...read.model.parameters.keys()].sort()).toEqual([...expected.keys()].sort())
    for (const [name, { values, shape }] of read.model.parameters) {
      expect(shape).toEqual(expected.get(name)!.shape)
      expect(values).toEqual(expected.get(name)!.data)
    }
    expect(read.info).toEqual(expectedInfo)
    expect(read.ignored).toEqual(ignored)
  })

  test.each([
    ['small-1layer.pt', {}],
    ['three-layers-two-heads.pth', { settings }],
    ['identity-input.ckpt', {}],
  ])('%s: greedy choices and log-probabilities', async (file, options) => {
    const { model } = await readCheckpoint(golden(file), options)
    const expected = readTensors(`${file.split('.')[0]!}.expected.safetensors`)
    const query = expected.get('query_emb')!
    const candidates = expected.get('cand_emb')!
    const labels = expected.get('beam_labels')!
    const [queries, pool, dim] = candidates.shape as [number, number, number]
    const [, group, shots] = labels.shape as [number, number, number]
    const input = {
      queries: { data: query.data as Float32Array, dim },
      candidates: { data: candidates.data as Float32Array, dim },
      items: Array.from({ length: queries }, (_, row) => ({
        row,
        pool: Array.from({ length: pool }, (_unused, n) => row * pool + n),
      })),
    }
    const policy = await openPolicy(model, { batchSize: 2 })
    const greedy = await policy.greedy(input, { shots })
    expect(greedy.flatMap(({ pointer }) => Array.from(pointer))).toEqual(
      Array.from(expected.get('greedy_predictions')!.data, Number),
    )
    const at = (b: number, g: number): number[] =>
      Array.from({ length: shots }, (_, t) => Number(labels.data[(b * group + g) * shots + t]))
    const found = await policy.logProbs(
      input,
      Array.from({ length: queries }, (_, b) => Array.from({ length: group }, (_unused, g) => at(b, g))),
    )
    found.forEach((row, b) =>
      row.forEach((logProb, g) => {
        const wanted = Number(expected.get('beam_log_probs')!.data[b * group + g])
        expect(Math.abs(logProb / wanted - 1)).toBeLessThan(1e-5)
      }),
    )
    await policy.close()
  })

  test.each(['query_proj.weight', 'cand_proj.weight', 'attn_norms.0.bias'])(
    'a file of the original without %s is recognised, and says what is missing',
    async (name) => {
      const { model } = await readCheckpoint(golden('small-1layer.pt'))
      const tensors = new Map(
        [...model.parameters]
          .filter(([key]) => key !== name)
          .map(([key, { shape, values }]): [string, TensorEntry] => [
            key,
            { dtype: 'F32', shape, data: values },
          ]),
      )
      expect(() => decodeCheckpoint(encodeSafetensors({ tensors }), 'old')).toThrow(
        `10 of 11 arrays match; missing 1 (${name}); foreign 0`,
      )
    },
  )

  test('without a gate the query state stays as it is', async () => {
    const read = await readCheckpoint(golden('small-1layer.pt'))
    const tensors = new Map(
      [...read.model.parameters]
        .filter(([name]) => !name.startsWith('query_update_gate'))
        .map(([name, { shape, values }]): [string, TensorEntry] => [
          `lever_lm.pointer_selector.${name}`,
          { dtype: 'F32', shape, data: values },
        ]),
    )
    const { model } = decodeCheckpoint(encodeSafetensors({ tensors }), 'old')
    expect(model.config).toMatchObject({ gate: false, dim: 32, hidden: 16, layers: 1 })
    const policy = await openPolicy(model)
    const input = randomInput(randomMatrix(10, 32), [5])
    const all = await policy.beam(input, { shots: 1, width: 5 })
    const ranked = all[0]!.map(({ pointer }) => pointer[0]!)
    const [greedy] = await policy.greedy(input, { shots: 5 })
    expect(Array.from(greedy!.pointer)).toEqual(ranked)
    await policy.close()
  })

  test('prefixes count at the start only, and names may not meet', () => {
    const tensor: TensorEntry = { dtype: 'F32', shape: [1], data: new Float32Array(1) }
    const read = (names: string[]): unknown =>
      decodeCheckpoint(encodeSafetensors({ tensors: new Map(names.map((name) => [name, tensor])) }), 'x')
    expect(() => read(['cross_attn.w', 'cross_attn_layers.0.w'])).toThrow(
      'x holds cross_attn_layers.0.w twice',
    )
    expect(() => read(['a.model.b', 'module.c'])).toThrow(
      'is not a known pointer network: 2 tensors (a.model.b, c)',
    )
  })
})
