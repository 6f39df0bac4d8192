import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import type { Ran } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)

async function done(...args: readonly string[]): Promise<Ran> {
  const ran = await lever([...args, '--json'])
  expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' })
  return ran
}

const train = (command: string, data: string, ...more: readonly string[]): Promise<Ran> =>
  done(
    ...[command, '--rl-data', at(`${data}/rl-data.json`), '--embeddings', at('train.safetensors')],
    ...['--hidden', '16', '--val-ratio', '0.2', ...more],
  )

beforeAll(async () => {
  smallWorld(at('train'), 'train', 40)
  await done('embed', '--dataset', at('train'), '--out', at('train.safetensors'))
  for (const [name, ...more] of [['whole'], ['prefixes', '--prefix-shots', '0,1']]) {
    await done(
      ...['generate', '--dataset', at('train'), '--embeddings', at('train.safetensors')],
      ...['--pool-size', '20', '--num-beams', '0', '--num-samples-per-temp', '0', '--num-retrieval', '4'],
      ...['--num-random', '2', '--workers', '1', ...more, '--out', at(name!)],
    )
  }
}, 120_000)

test('an architecture that stops learns from prefixes, and chooses as many as it wants', async () => {
  const recipe = ['--architecture', 'stop', '--preset', 'recommended', '--listwise-epochs', '2']
  const ran = await train('train', 'prefixes', ...recipe, '--out', at('stop'))
  const firsts = Object.values(
    JSON.parse(readFileSync(at('prefixes/rl-data.json'), 'utf8')) as object,
  ).flatMap((query: { pointer_candidates?: { pointer: number[] }[] }) => [
    ...new Set((query.pointer_candidates ?? []).map(({ pointer }) => pointer[0]!)),
  ])
  expect(ran.stderr).toContain(`prefixes: 40 of 0, ${firsts.length} of 1 demonstrations, measured`)
  expect(ran.stderr).not.toContain('warning: no outcome of a pointer that stops early')
  expect(ran.stderr).not.toContain('the policy may choose none')
  const { best, last } = JSON.parse(ran.stdout) as Record<
    'best' | 'last',
    { metrics: Record<string, number> }
  >
  for (const { metrics } of [best, last]) {
    expect(metrics['eval/chosen']).toBeGreaterThanOrEqual(0)
    expect(metrics['eval/chosen']).toBeLessThanOrEqual(2)
    expect(metrics['eval/reward']).toBeLessThanOrEqual(metrics['eval/oracle']!)
  }
  await done(
    ...['evaluate', '--dataset', at('train'), '--embeddings', at('train.safetensors'), '--pool-size', '20'],
    ...[
      '--workers',
      '1',
      '--shots',
      '2',
      '--selectors',
      'zero-shot',
      '--queries',
      '8',
      '--out',
      at('evaluation'),
    ],
    ...['--policies', `stop=${at('stop/checkpoints/best.safetensors')}`],
  )
  const rows = readFileSync(at('evaluation/per-question.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { selector: string; demonstrations: number[] })
  const chosen = rows.filter(({ selector }) => selector === 'stop')
  expect(chosen).toHaveLength(8)
  for (const { demonstrations } of chosen) expect(demonstrations.length).toBeLessThanOrEqual(2)
}, 120_000)

test('so does lever sft, and a checkpoint that stops goes on', async () => {
  const ran = await train('sft', 'prefixes', '--architecture', 'stop', '--epochs', '1', '--out', at('sft'))
  expect(ran.stderr).toMatch(/prefixes: 40 of 0, \d+ of 1 demonstrations/)
  const next = await done(
    ...['train', '--rl-data', at('prefixes/rl-data.json'), '--embeddings', at('train.safetensors')],
    ...['--init', at('sft/checkpoints/last.safetensors'), '--rce-epochs', '1', '--out', at('further')],
  )
  expect(next.stderr).toMatch(/prefixes: 40 of 0, \d+ of 1 demonstrations/)
}, 60_000)

test('without prefixes it says once that nothing teaches when to stop, and what to do', async () => {
  const ran = await train(
    'train',
    'whole',
    '--architecture',
    'stop',
    '--rce-epochs',
    '1',
    '--out',
    at('never'),
  )
  const warnings = ran.stderr.split('\n').filter((line) => line.includes('nothing teaches when to stop'))
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain('lever generate --prefix-shots 0,1')
}, 60_000)

test('another architecture takes whole pointers only', async () => {
  const ran = await train('train', 'prefixes', '--rce-epochs', '1', '--out', at('fixed'))
  expect(ran.stderr).not.toContain('prefixes:')
  const shots = ['--architecture', 'stop', '--shot-weights', '0.5,1', '--out', at('weights')]
  const refused = await lever([
    ...['train', '--rl-data', at('prefixes/rl-data.json'), '--embeddings', at('train.safetensors'), ...shots],
  ])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('leave out shotWeights (--shot-weights) or prefixes')
}, 60_000)
