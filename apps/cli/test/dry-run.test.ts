import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 16)
const out = join(root, 'run')
const base = [
  'generate',
  '--dataset',
  folder,
  '--pool-size',
  '8',
  '--num-random',
  '5',
  '--out',
  out,
  '--json',
]
const sizes = ['--shots', '3', '--prefix-shots', '1,2', '--quiet']

test('a dry run counts what the run then does, and writes nothing', async () => {
  const planned = await lever([...base, ...sizes, '--dry-run', '--gt-prob'])
  expect({ code: planned.code, stderr: planned.stderr, made: existsSync(out) }).toEqual({
    code: 0,
    stderr: '',
    made: false,
  })
  const counts = JSON.parse(planned.stdout) as Record<string, number>
  expect(counts).toMatchObject({
    dryRun: true,
    queries: 16,
    pointers: 80,
    methods: { random: 80 },
    images: { uses: expect.any(Number), files: expect.any(Number) },
    tokens: { whole: expect.any(Number), shared: expect.any(Number), longest: expect.any(Number) },
    withoutImage: 0,
  })
  expect(counts['answersToScore']).toBeGreaterThan(counts['prompts']!)

  const script = join(root, 'model.mjs')
  writeFileSync(script, 'export default () => "red"\n')
  const model = ['--backend', 'scripted', '--model', script]
  const { stdout } = await lever([...base, ...sizes, ...model])
  const { statistics } = JSON.parse(stdout) as { statistics: { outcomes: number; prompts: number } }
  expect(statistics).toMatchObject({ outcomes: 80, prompts: counts['prompts'] })
  const other = JSON.parse((await lever([...base, ...sizes, ...model, '--dry-run'])).stdout) as object
  expect(other).toMatchObject({ prompts: counts['prompts'], images: counts['images'], answersToScore: 0 })
  expect(other).not.toHaveProperty('tokens')
})

test('the table, for a shard', async () => {
  const args = base.filter((arg) => arg !== '--json')
  const { stdout } = await lever([...args, '--dry-run', '--shard', '1/2'])
  expect(stdout).toMatch(
    /^dry run: nothing was asked, nothing was written\n\n\d queries, \d+ pointers, \d+ prompts\n/,
  )
  expect(stdout).toMatch(/random +\d+/)
})
