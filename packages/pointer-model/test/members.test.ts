import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { decodeSafetensors, encodeSafetensors } from '@lever/tensor-files'
import {
  ARCHITECTURE_NAMES,
  byIds,
  createModel,
  decodeCheckpoint,
  encodeCheckpoint,
  MEMBER_PRIOR,
  openPolicy,
  rowWidth,
} from '../src/index.ts'
import type { ArchitectureName, Members, PointerModel } from '../src/index.ts'
import { randomMatrix } from './world.ts'

const IDS = Array.from({ length: 20 }, (_, i) => 1000 + 7 * i)
const matrix = { ...randomMatrix(20, 6), ids: IDS }
/** Every other row, with counts 0, 5, 10, ...; the ids of the others are newcomers. */
const members: Members = {
  ids: IDS.filter((_, i) => i % 2 === 0),
  counts: Array.from({ length: 10 }, (_, i) => 5 * i),
}
const random = createRandom(3)
const learned = Float32Array.from({ length: 11 }, () => 2 * random.normal())

const plain = (architecture: ArchitectureName): PointerModel =>
  createModel({ architecture, settings: { dim: 6, hidden: 4 }, seed: 2 })

function withNumbers(base: PointerModel): PointerModel {
  const config = { ...base.config, members: 10 }
  const bias = { shape: [11], values: learned }
  return { ...base, config, members, parameters: new Map([...base.parameters, ['member.bias', bias]]) }
}

/** What the number of a member adds to its logit: b n / (n + 12). */
function gain(id: number): number {
  const at = members.ids.indexOf(id)
  if (at < 0) return 0
  const n = members.counts[at]!
  return (learned[at + 1]! * n) / (n + MEMBER_PRIOR)
}

const queries = IDS.slice(0, 4).map((queryId, i) => ({ queryId, poolIds: IDS.slice(4 + i, 16 + i) }))

describe.each(ARCHITECTURE_NAMES)('%s', (name) => {
  test('the graphs add what the formula says to the logits of the first choice', async () => {
    const [without, with_] = [await openPolicy(plain(name)), await openPolicy(withNumbers(plain(name)))]
    const stops = name === 'stop'
    const first = queries[0]!.poolIds.map((_, position) => [position])
    const pointers = queries.map(() => first)
    const before = await byIds(without, { queries: matrix }).logProbs(queries, pointers)
    const after = await byIds(with_, { queries: matrix }).logProbs(queries, pointers)
    queries.forEach(({ poolIds }, q) => {
      const free = Array.from(before[q]!)
      const gains = poolIds.map(gain)
      const stop = stops ? 1 - free.reduce((sum, x) => sum + Math.exp(x), 0) : 0
      const total = Math.log(free.reduce((sum, x, i) => sum + Math.exp(x + gains[i]!), 0) + stop)
      free.forEach((x, i) => expect(after[q]![i]).toBeCloseTo(x + gains[i]! - total, 4))
    })
    await without.close()
    await with_.close()
  })

  test('greedy choices are those of the step by step log-probabilities', async () => {
    const policy = await openPolicy(withNumbers(plain(name)))
    const chooser = byIds(policy, { queries: matrix })
    const greedy = await chooser.greedy(queries, { shots: 3 })
    const scored = await chooser.logProbs(
      queries,
      greedy.map(({ pointer }) => [Array.from({ length: 3 }, (_, t) => pointer[t] ?? -1)]),
    )
    greedy.forEach(({ logProb }, q) => expect(scored[q]![0]).toBeCloseTo(logProb, 4))
    await policy.close()
  })
})

test('numbers belong to ids, wherever their rows stand', async () => {
  const policy = await openPolicy(withNumbers(plain('mlp-cross-attention')))
  const order = createRandom(5).shuffle(IDS.map((_, i) => i))
  const moved = {
    dim: 6,
    ids: order.map((row) => IDS[row]!),
    data: Float32Array.from(order.flatMap((row) => Array.from(matrix.data.subarray(row * 6, row * 6 + 6)))),
  }
  const asked = { shots: 2 }
  expect(await byIds(policy, { queries: moved }).choose(queries, asked)).toEqual(
    await byIds(policy, { queries: matrix }).choose(queries, asked),
  )
  await policy.close()
})

test('a policy without embeddings of known ids says what is missing', async () => {
  const policy = await openPolicy(withNumbers(plain('gru')))
  const { data, dim } = matrix
  const input = { queries: { data, dim }, items: [{ row: 0, pool: [1, 2, 3] }] }
  await expect(policy.greedy(input, { shots: 1 })).rejects.toThrow('needs the ids of the rows')
  await policy.close()
})

describe('checkpoints', () => {
  const model = withNumbers(plain('cross-attention'))

  test('hold the members by id, and one without members has the bytes of before', () => {
    const bytes = encodeCheckpoint({ model, info: { phase: 'rce' } })
    const read = decodeCheckpoint(bytes)
    expect(read.model).toEqual(model)
    expect(read).toMatchObject({ missing: [], foreign: [] })
    expect(rowWidth(read.model.config)).toBe(8)
    const { tensors, metadata } = decodeSafetensors(
      encodeCheckpoint({ model: plain('gru'), info: {} }),
      'plain',
    )
    expect([...tensors.keys()].filter((name) => name.startsWith('member'))).toEqual([])
    expect(metadata.get('config')).not.toContain('members')
  })

  test.each([
    ['without its ids', (tensors: Map<string, unknown>) => tensors.delete('member.ids'), 'it is broken'],
    [
      'with too few',
      (tensors: Map<string, unknown>) =>
        tensors.set('member.ids', { dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) }),
      'settings say 10 members',
    ],
    [
      'without the numbers',
      (tensors: Map<string, unknown>) => tensors.delete('member.bias'),
      'missing 1 (member.bias)',
    ],
  ])('are refused %s', (_, change, message) => {
    const { tensors, metadata } = decodeSafetensors(encodeCheckpoint({ model, info: {} }), 'file')
    const changed = new Map(tensors)
    change(changed)
    const bytes = encodeSafetensors({ tensors: changed, metadata: new Map(metadata) })
    expect(() => decodeCheckpoint(bytes)).toThrow(message)
  })

  test('members that do not fit are refused when a model is made', () => {
    const settings = { dim: 6, hidden: 4 }
    expect(() => createModel({ settings: { ...settings, members: 3 } })).toThrow('settings say 3 members')
    expect(() => createModel({ settings, members: { ids: [1, 1], counts: [1, 1] } })).toThrow('different')
    expect(createModel({ settings, members: { ids: [], counts: [] } }).config.members).toBeUndefined()
  })
})
