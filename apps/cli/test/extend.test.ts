import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 12)
const embeddings = join(root, 'embeddings.safetensors')
const out = join(root, 'run')

async function generate(...args: string[]): Promise<{ outcomes: number; measured: number }> {
  const ran = await lever([
    ...[
      'generate',
      '--dataset',
      folder,
      '--pool-size',
      '8',
      '--pool-method',
      'random',
      '--workers',
      '1',
      '--out',
      out,
      '--json',
      '--quiet',
    ],
    ...args,
  ])
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' })
  return (JSON.parse(ran.stdout) as { statistics: { outcomes: number; measured: number } }).statistics
}

interface Meta {
  generator: { plans: { mix: { method: string; count: number }[]; size: number }[] }
  embeddings: { kind: string }
}

interface Query {
  pointer_candidates: { pointer: number[]; gen_method: string; rank: number }[]
}

test('a finished run takes larger groups and further methods, and measures only what is new', async () => {
  expect(await generate('--num-random', '3')).toMatchObject({ outcomes: 36, measured: 36 })
  expect(await generate('--num-random', '3', '--group-size', '6')).toMatchObject({
    outcomes: 72,
    measured: 36,
  })
  const embed = await lever(['embed', '--dataset', folder, '--out', embeddings, '--quiet'])
  expect({ code: embed.code, stderr: embed.stderr }).toEqual({ code: 0, stderr: '' })
  const informed = ['--embeddings', embeddings, '--num-beams', '0', '--num-samples-per-temp', '0']
  const { outcomes, measured } = await generate(...informed, '--num-retrieval', '4', '--num-random', '3')
  expect({ outcomes, some: measured > 0 }).toEqual({ outcomes: 72 + measured, some: true })
  expect(await generate('--num-random', '3')).toMatchObject({ outcomes, measured: 0 })

  const text = readFileSync(join(out, 'rl-data.json'), 'utf8')
  const { _meta, ...queries } = JSON.parse(text) as { _meta: Meta } & Record<string, unknown>
  const { plans } = _meta.generator
  expect(plans.map(({ mix, size }) => [mix.map(({ method, count }) => `${method} ${count}`), size])).toEqual([
    [['beam 0', 'retrieval 0', 'sample 0', 'random 3'], 0],
    [['beam 0', 'retrieval 0', 'sample 0', 'random 3'], 6],
    [['beam 0', 'retrieval 4', 'sample 0', 'random 3'], 0],
  ])
  expect(_meta.embeddings).toMatchObject({ rows: 12 })
  const groups = Object.values(queries as Record<string, Query>).map((query) => query.pointer_candidates)
  expect(groups).toHaveLength(12)
  expect(groups.flat()).toHaveLength(outcomes)
  for (const group of groups) {
    const ranks = group.map(({ rank }) => rank)
    expect(ranks).toEqual([...new Set(ranks)].sort((a, b) => a - b))
    const found = group.map(({ gen_method }) => gen_method)
    expect(found.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => 'random'))
    expect(new Set(found.slice(6))).toEqual(new Set(['retrieval']))
    expect(new Set(group.map(({ pointer }) => pointer.join())).size).toBe(group.length)
  }
  const described = await lever(['data', 'describe', join(out, 'rl-data.json')])
  expect(described.code).toBe(0)
  const validated = await lever(['data', 'validate', join(out, 'rl-data.jsonl')])
  expect(validated.code).toBe(0)
})
