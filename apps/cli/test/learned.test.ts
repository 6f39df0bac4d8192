import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import { hashFile } from '@lever/durable-files'
import { createModel, writeCheckpoint } from '@lever/pointer-model'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const SEARCH = at('search/checkpoints/best.safetensors')
const train = ['--dataset', at('train'), '--embeddings', at('train.safetensors')]
const learned = ['--pool-method', 'learned', '--pool-policy', SEARCH, '--pool-size', '8']
const agreement = ['sft', '--target', 'agreement', ...train, '--epochs', '2']

async function json(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await lever([...args, '--json', '--quiet'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

beforeAll(async () => {
  smallWorld(at('train'), 'train', 40)
  smallWorld(at('test'), 'test', 6)
  for (const split of ['train', 'test']) {
    await json(['embed', '--dataset', at(split), '--out', at(`${split}.safetensors`)])
  }
  const searching = ['--architecture', 'bi-encoder', '--hidden', '16', '--pool-size', '16']
  await json([...agreement, ...searching, '--out', at('search')])
}, 120_000)

test('a policy searches the pools of a training, of a generation and of an evaluation, and all say which', async () => {
  const hash = await hashFile(SEARCH)
  await json([...agreement, ...learned, '--out', at('policy')])
  const policy = at('policy/checkpoints/best.safetensors')
  const { info } = await json(['checkpoint', 'inspect', policy])
  const pool = { method: 'learned', size: 8, seed: 0, policy: hash }
  expect(info).toMatchObject({ pool, embeddings: { kind: 'both' } })

  const generate = ['generate', ...train, ...learned, '--queries', '3', '--workers', '1']
  const few = ['--num-beams', '0', '--num-samples-per-temp', '0', '--num-retrieval', '1', '--num-random', '1']
  await json([...generate, ...few, '--out', at('data')])
  const data = JSON.parse(readFileSync(at('data/rl-data.json'), 'utf8')) as { _meta: { pool: object } }
  expect(data._meta.pool).toEqual(pool)

  const evaluate = [
    ...['evaluate', '--dataset', at('test'), '--embeddings', at('test.safetensors')],
    ...['--pool-dataset', at('train'), '--pool-embeddings', at('train.safetensors'), ...learned],
    ...['--policies', `mine=${policy}`, '--selectors', 'random', '--shots', '1', '--seeds', '1'],
    ...['--resamples', '100', '--workers', '1'],
  ]
  await json([...evaluate, '--pool-file', at('pools.json'), '--out', at('evaluated')])
  const manifest = readFileSync(at('evaluated/manifest.json'), 'utf8')
  expect(manifest).toContain(`8 examples a question, learned by the policy ${hash.slice(0, 12)}, seed 0`)
  expect(readFileSync(at('pools.json'), 'utf8')).toContain(hash)

  const settings = { dim: 320, hidden: 16 }
  const model = createModel({ architecture: 'bi-encoder', settings, seed: 5 })
  await writeCheckpoint(at('another.safetensors'), { model, info: {} })
  const searched = evaluate.map((one) => (one === SEARCH ? at('another.safetensors') : one))
  const other = await lever([...searched, '--pool-file', at('pools.json'), '--out', at('other')])
  expect(other.code).toBe(2)
  expect(other.stderr).toContain(`they were searched by the policy ${hash.slice(0, 12)}, not by `)
}, 180_000)

test('says what is missing or does not fit, and writes nothing', async () => {
  await json(['embed', '--dataset', at('train'), '--kind', 'text', '--out', at('text.safetensors')])
  const own = ['sft', '--target', 'agreement', '--dataset', at('train')]
  const cases: [args: readonly string[], message: string][] = [
    [[...agreement, '--pool-method', 'learned'], 'give --pool-policy, a checkpoint'],
    [[...agreement, '--pool-policy', SEARCH], '--pool-policy applies only to --pool-method learned'],
    [[...own, '--embeddings', at('text.safetensors'), ...learned], 'and these are of kind text'],
    [
      [...agreement, '--pool-method', 'learned', '--pool-policy', at('policy/checkpoints/best.safetensors')],
      'the query sees its pool, so it cannot search a library',
    ],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await lever([...args, '--out', at('wrong')])
    expect({ args, code, stderr }).toMatchObject({ args, code: 2 })
    expect(stderr).toContain(message)
  }
}, 120_000)
