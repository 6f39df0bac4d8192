import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)

/** Runs a command that must succeed, and gives its JSON. */
async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await lever([...args, '--json', '--quiet'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

const generate = (...more: readonly string[]): Promise<Record<string, unknown>> =>
  json(
    'generate',
    ...[
      '--dataset',
      at('train'),
      '--embeddings',
      at('train.safetensors'),
      '--pool-size',
      '20',
      '--num-random',
      '2',
    ],
    ...['--num_beams', '2', '--num_retrieval', '4', '--num_samples_per_temp', '1', '--workers', '1', ...more],
  )

beforeAll(async () => {
  smallWorld(at('train'), 'train', 40)
  smallWorld(at('test'), 'test', 10)
  for (const split of ['train', 'test']) {
    const made = await json('embed', '--dataset', at(split), '--out', at(`${split}.safetensors`))
    expect(made).toMatchObject({ rows: split === 'train' ? 40 : 10, kind: 'both' })
  }
}, 120_000)

describe('command after command', () => {
  test('generate in shards, merged, is generate in one', async () => {
    const whole = await generate('--out', at('whole'))
    expect(whole).toMatchObject({
      rlData: at('whole/rl-data.json'),
      statistics: { queries: 40, error: { count: 0 } },
    })
    for (const shard of ['0/2', '1/2']) {
      const part = await generate('--out', at(`shard-${shard[0]!}`), '--shard', shard)
      expect(part['rlData']).toBeNull()
    }
    const shards = ['shard-0/rl-data.jsonl', 'shard-1/rl-data.jsonl'].map(at)
    await json('data', 'merge', ...shards, '--out', at('merged.jsonl'))
    await json('data', 'convert', at('merged.jsonl'), '--out', at('merged.json'))
    await json('data', 'merge', ...shards, '--out', at('same.json'))
    expect(readFileSync(at('same.json'))).toEqual(readFileSync(at('whole/rl-data.json')))
    const candidates = (file: string): unknown => {
      const { _meta, ...queries } = JSON.parse(readFileSync(at(file), 'utf8')) as Record<string, unknown>
      expect(_meta).toMatchObject({ schema: 'lever-rl', shot_num: 2, pool_size: 20 })
      return queries
    }
    expect(candidates('merged.json')).toEqual(candidates('whole/rl-data.json'))
  }, 120_000)

  test('describe and validate', async () => {
    const description = await json('data', 'describe', at('whole/rl-data.json'))
    expect(description).toMatchObject({ queries: 40, shots: 2, evalModes: [{ mode: 'file', share: 1 }] })
    expect((description['verdict'] as string[]).length).toBeGreaterThan(0)
    expect(await json('data', 'validate', at('whole/rl-data.jsonl'))).toMatchObject({
      errors: 0,
      warnings: 0,
    })
    const text = await lever(['data', 'describe', at('whole/rl-data.json')])
    expect(text.stdout).toContain('zero variance')
  })

  test('train from a configuration file, then evaluate the policy', async () => {
    writeFileSync(
      at('train.yaml'),
      `rl_data: ${at('whole/rl-data.json')}\nembeddings: ${at('train.safetensors')}\nrce_epochs: 9\n`,
    )
    const args = [
      'train',
      '--config',
      at('train.yaml'),
      '--rce_epochs',
      '2',
      '--hidden',
      '32',
      '--out',
      at('policy'),
    ]
    const trained = await json(...args)
    expect(trained).toMatchObject({
      checkpoint: at('policy/checkpoints/best.safetensors'),
      last: { phase: 'rce', epoch: 2 },
    })
    expect(await json(...args)).toEqual(trained)
    const evaluated = await json(
      'evaluate',
      ...['--dataset', at('test'), '--pool-dataset', at('train'), '--embeddings', at('test.safetensors')],
      ...[
        '--pool-embeddings',
        at('train.safetensors'),
        '--pool-size',
        '20',
        '--workers',
        '1',
        '--shots',
        '0,1,2',
      ],
      ...['--policies', `mine=${at('policy/checkpoints/best.safetensors')}`, '--out', at('evaluation')],
    )
    const table = evaluated['table'] as { selector: string; shots: number; n: number }[]
    expect(table.filter(({ selector }) => selector === 'mine').map(({ shots, n }) => [shots, n])).toEqual([
      [1, 10],
      [2, 10],
    ])
    const rows = readFileSync(at('evaluation/per-question.jsonl'), 'utf8').trimEnd().split('\n')
    const once = [
      'copy-nearest',
      'static',
      'bm25',
      'rices',
      'rices',
      'rices',
      'mmices',
      'mmr',
      'policy',
      'oracle',
    ]
    expect(rows).toHaveLength(10 * (2 + 2 * (1 + once.length + 5 * ['random', 'k-means', 'vote'].length)))
  }, 120_000)

  test('a policy is not evaluated under another protocol, unless that is asked for', async () => {
    const args = [
      ...[
        'evaluate',
        '--dataset',
        at('test'),
        '--pool-dataset',
        at('train'),
        '--embeddings',
        at('test.safetensors'),
      ],
      ...[
        '--pool-embeddings',
        at('train.safetensors'),
        '--pool-size',
        '20',
        '--workers',
        '1',
        '--shots',
        '1',
      ],
      ...['--selectors', 'zero-shot', '--max-new-tokens', '3', '--queries', '2'],
      ...['--policies', `mine=${at('policy/checkpoints/best.safetensors')}`, '--out', at('other')],
    ]
    const refused = await lever(args)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/trained on rewards of another protocol .*--allow-protocol-mismatch/)
    expect(await lever([...args, '--allow-protocol-mismatch'])).toMatchObject({ code: 0 })
  })

  test('score what evaluate answered', async () => {
    const results = readFileSync(at('evaluation/per-question.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as {
            query: number
            selector: string
            shots: number
            answer: string
            accuracy: number
          },
      )
      .filter(({ selector, shots }) => selector === 'mine' && shots === 2)
    writeFileSync(
      at('results.json'),
      JSON.stringify(results.map(({ query, answer }) => ({ question_id: query, answer }))),
    )
    const scored = await json(
      'score',
      '--annotations',
      at('test/annotations.json'),
      '--results',
      at('results.json'),
    )
    const mean = results.reduce((sum, { accuracy }) => sum + accuracy, 0) / results.length
    expect(scored['overall']).toBeCloseTo(100 * mean, 2)
  })
})

test('doctor says what runs here', async () => {
  const health = await json('doctor', '--devices', 'cpu')
  expect(health).toMatchObject({ ok: true, devices: [{ device: 'cpu', status: 'ok' }], model: { ok: true } })
})
