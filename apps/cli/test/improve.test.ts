import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 24)
const embeddings = join(root, 'train.safetensors')

function improve(out: string, ...more: readonly string[]): string[] {
  return [
    ...['improve', '--dataset', folder, '--embeddings', embeddings, '--pool-size', '12'],
    ...['--rounds', '2', '--group-size', '4', '--workers', '1', '--batch-size', '8', '--val-ratio', '0.2'],
    ...['--validate-greedy', '8', '--set', 'listwise.epochs=3', '--members', '2'],
    ...['--out', join(root, out), ...more],
  ]
}

const read = (out: string, file: string): string => readFileSync(join(root, out, file), 'base64')

beforeAll(async () => {
  const { code, stderr } = await lever(['embed', '--dataset', folder, '--out', embeddings, '--quiet'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('killed while it measures and while it trains, it ends with the bytes of a run that nobody disturbed', async () => {
  const whole = await lever(improve('whole'))
  expect({ code: whole.code, stderr: whole.code === 0 ? '' : whole.stderr }).toEqual({ code: 0, stderr: '' })
  expect(whole.stdout).toMatch(/\n1 +96 +the mix +\d+\.\d/)
  expect(whole.stdout).toMatch(/\n2 +192 +the small policies +\d+\.\d/)
  const lines = (): number =>
    existsSync(join(root, 'cut', 'rl-data.jsonl'))
      ? readFileSync(join(root, 'cut', 'rl-data.jsonl'), 'utf8').split('\n').length
      : 0
  const moments = [
    () => existsSync(join(root, 'cut', 'round-1', 'member-2', 'metrics.jsonl')),
    () => lines() > 160,
    () => existsSync(join(root, 'cut', 'round-2', 'final', 'metrics.jsonl')),
  ]
  for (const when of moments) {
    const { code, signal } = await lever(improve('cut'), { kill: [{ signal: 'SIGKILL', when }] })
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
  }
  const last = await lever(improve('cut', '--json', '--quiet'))
  expect({ code: last.code, stderr: last.stderr }).toEqual({ code: 0, stderr: '' })
  const { rounds, validated } = JSON.parse(last.stdout) as {
    rounds: { outcomes: number }[]
    validated: number
  }
  expect(validated).toBeGreaterThan(0)
  expect(whole.stdout).toContain(`\nvalidated: ${validated} outcomes more`)
  expect(rounds.map(({ outcomes }) => outcomes)).toEqual([96, 192])
  for (const file of ['rl-data.json', 'checkpoints/best.safetensors'])
    expect(read('cut', file)).toBe(read('whole', file))
  expect(readdirSync(join(root, 'cut')).sort()).toEqual(readdirSync(join(root, 'whole')).sort())
}, 300_000)

test('needs embeddings, which the policy reads', async () => {
  const { code, stderr } = await lever(['improve', '--dataset', folder, '--out', join(root, 'none')])
  expect({ code, there: existsSync(join(root, 'none')) }).toEqual({ code: 2, there: false })
  expect(stderr).toContain('--embeddings')
})
