import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 24)
const out = join(root, 'pilot')
const args = [
  'pilot',
  '--dataset',
  folder,
  '--pool-size',
  '12',
  '--singles',
  '6',
  '--workers',
  '1',
  '--out',
  out,
]

test('measures under two wordings, continues, and says the same from its data', async () => {
  const first = await lever([...args, '--other-template', 'lever-plus', '--price-per-hour', '2'])
  expect({ code: first.code, stderr: first.code === 0 ? '' : first.stderr }).toEqual({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/^verdict: /)
  expect(first.stdout).toMatch(/zero-shot +24/)
  const report = JSON.parse(readFileSync(join(out, 'pilot.json'), 'utf8')) as {
    queries: number
    groupSize: number
    rewards: { reward: string; reliability: { correlation: { value: number } } }[]
    recommendation: { hours: number; money: number }
  }
  expect(report).toMatchObject({ queries: 24, groupSize: 6 })
  expect(report.rewards.map(({ reward }) => reward)).toEqual([
    'accuracy',
    'expected_accuracy',
    'log_expected_accuracy',
  ])
  for (const { reliability } of report.rewards)
    expect(Math.abs(reliability.correlation.value)).toBeLessThan(1)
  expect(report.recommendation.money).toBeCloseTo(2 * report.recommendation.hours, 9)

  const files = ['wording-1', 'wording-2'].map((name) => join(out, name, 'rl-data.jsonl'))
  const sizes = files.map((file) => statSync(file).size)
  const again = await lever([...args, '--other-template', 'lever-plus', '--json', '--quiet'])
  expect(again.code).toBe(0)
  expect(files.map((file) => statSync(file).size)).toEqual(sizes)
  const shown = await lever(['report', out])
  expect(shown.code).toBe(0)
  expect(shown.stdout).toMatch(/^verdict: /m)
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<section id="pilot"')

  const [a, b] = files
  const offline = await lever(['pilot', '--from-rl-data', a!, '--other-wording', b!, '--json', '--quiet'])
  expect(offline.code).toBe(0)
  const [online, read] = [again, offline].map(({ stdout }) => JSON.parse(stdout) as typeof report)
  expect(read!.rewards).toEqual(online!.rewards)
  expect(read!.rewards).toEqual(report.rewards)
})

test('a second system prompt is another wording, and the wording of the first is refused', async () => {
  const dir = join(root, 'system')
  const few = ['--queries', '4', '--singles', '2', '--pool-size', '12']
  const given = ['pilot', '--dataset', folder, ...few, '--out', dir, '--quiet']
  const measured = await lever([...given, '--other-system', 'Answer in one word.'])
  expect({ code: measured.code, stderr: measured.code === 0 ? '' : measured.stderr }).toEqual({
    code: 0,
    stderr: '',
  })
  const systems = ['wording-1', 'wording-2'].map((name) => {
    const [header] = readFileSync(join(dir, name, 'rl-data.jsonl'), 'utf8').split('\n')
    const parsed = JSON.parse(header!) as { header: { _meta: { protocol: { system: string | null } } } }
    return parsed.header._meta.protocol.system
  })
  expect(systems).toEqual([null, 'Answer in one word.'])
  const same = await lever([...given, '--other-template', 'shapes'])
  expect(same).toMatchObject({ code: 2 })
  expect(same.stderr).toContain('the second wording of the pilot is the first one')
})

test('needs a second wording to measure, a folder to measure into, and RL data to go with another wording', async () => {
  const refused = async (...given: string[]): Promise<string> => {
    const { code, stderr } = await lever(given)
    expect(code).toBe(2)
    return stderr
  }
  expect(await refused(...args)).toContain('give --other-template or --other-system')
  expect(await refused('pilot', '--dataset', folder)).toContain('give --out, or --from-rl-data')
  expect(await refused('pilot', '--other-wording', 'b.json')).toContain(
    '--other-wording has no effect without',
  )
})
