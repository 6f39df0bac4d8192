import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { byIds, createModel, openPolicy, startingModel, writeCheckpoint } from '../src/index.ts'
import type { Policy } from '../src/index.ts'

const D = 6
const random = createRandom(3, 'embeddings')
const ids = [70, 10, 11, 12, 13, 14, 15]
const table = { ids, dim: D, data: Float32Array.from({ length: ids.length * D }, () => random.normal()) }
const model = createModel({ architecture: 'cross-attention', settings: { dim: D, hidden: 8 }, seed: 1 })
const poolIds = [15, 12, 11, 10]

let policy: Policy
beforeAll(async () => {
  policy = await openPolicy(model)
})
afterAll(() => policy.close())

describe('a policy asked by ids', () => {
  test('chooses the ids of the positions that it chooses by rows', async () => {
    const items = [{ row: 0, pool: poolIds.map((id) => ids.indexOf(id)) }]
    const [greedy] = await policy.greedy({ queries: table, items }, { shots: 3 })
    const [[beam]] = (await policy.beam({ queries: table, items }, { shots: 2, width: 4 })) as [
      [typeof greedy],
    ]
    const asked = byIds(policy, { queries: table })
    const query = { queryId: 70, poolIds }
    expect(await asked.choose([query], { shots: 3 })).toEqual([
      Array.from(greedy!.pointer, (position) => poolIds[position]!),
    ])
    expect(await asked.choose([query], { shots: 2, decoding: 'beam', width: 4 })).toEqual([
      Array.from(beam!.pointer, (position) => poolIds[position]!),
    ])
  })

  test('never chooses the query itself', async () => {
    const asked = byIds(policy, { queries: table, candidates: { ...table } })
    const [chosen] = await asked.choose([{ queryId: 12, poolIds }], { shots: 3 })
    expect([...chosen!].sort()).toEqual([10, 11, 15])
  })

  test('an id without a row and embeddings of another size are refused', async () => {
    const asked = byIds(policy, { queries: table })
    const error = expect.objectContaining({ code: 'LEVER_INPUT' })
    await expect(asked.choose([{ queryId: 70, poolIds: [10, 99] }], { shots: 1 })).rejects.toThrow(
      'the candidate embeddings have no row for example 99',
    )
    await expect(asked.choose([{ queryId: 5, poolIds }], { shots: 1 })).rejects.toEqual(error)
    const other = { ids: [1], dim: 2, data: new Float32Array(2) }
    expect(() => byIds(policy, { queries: table, candidates: other })).toThrow(
      'trained on embeddings of size 6, but the candidate embeddings have size 2',
    )
  })
})

test('a policy starts from a checkpoint, or new', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lever-start-'))
  try {
    const checkpoint = join(folder, 'p.safetensors')
    await writeCheckpoint(checkpoint, { model, info: { phase: 'sft' } })
    const start = { architecture: 'gru', seed: 0, settings: { hidden: 4 } } as const
    const read = await startingModel({ ...start, checkpoint, dim: D })
    expect(read).toMatchObject({ model: { architecture: 'cross-attention' }, info: { phase: 'sft' } })
    expect(read.hash).toMatch(/^[0-9a-f]{64}$/)
    const made = await startingModel({ ...start, dim: D })
    expect(made).toMatchObject({ model: { architecture: 'gru', config: { dim: D, hidden: 4 } }, hash: null })
    await expect(startingModel({ ...start, checkpoint, dim: 3 })).rejects.toThrow(
      'of size 6, but these have size 3',
    )
    await expect(startingModel({ seed: 0, dim: D })).rejects.toThrow('or the architecture of a new policy')
    await expect(startingModel({ ...start, architecture: 'grue' as 'gru', dim: D })).rejects.toThrow(
      'no architecture "grue"',
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
