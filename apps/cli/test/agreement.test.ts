import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const POLICY = at('free/checkpoints/best.safetensors')
const train = ['--dataset', at('train'), '--embeddings', at('train.safetensors'), '--pool-size', '16']
const free = ['sft', '--target', 'agreement', ...train, '--epochs', '6']

async function json(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await lever([...args, '--json', '--quiet'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

beforeAll(async () => {
  smallWorld(at('train'), 'train', 60)
  smallWorld(at('test'), 'test', 10)
  for (const split of ['train', 'test']) {
    await json(['embed', '--dataset', at(split), '--out', at(`${split}.safetensors`)])
  }
}, 120_000)

test('trains a policy without a model, which evaluate takes for a baseline', async () => {
  const trained = await lever([...free, '--out', at('free')])
  expect(trained.code).toBe(0)
  expect(trained.stderr).toMatch(
    /agreement: \d+ of 960 pairs \([\d.]+ %\) are right, for \d+ of 60 questions; no model/,
  )
  const shown = await lever(['checkpoint', 'inspect', POLICY])
  expect(shown.stdout).toMatch(/labels +agreement/)
  expect(shown.stdout).toMatch(/embeddings +of kind both by /)

  const evaluate = [
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
      '16',
      '--shots',
      '1',
      '--selectors',
      'random',
    ],
    ...['--resamples', '100', '--seeds', '1', '--workers', '1'],
  ]
  const evaluated = await json([
    ...[...evaluate, '--policies', `agreement=${POLICY}`, `other=${POLICY}`, '--out', at('evaluated')],
  ])
  const rows = evaluated['table'] as { selector: string; accuracy: number }[]
  expect(rows.map(({ selector }) => selector).sort()).toEqual(['agreement', 'other', 'random'])
  const accuracy = (name: string): number => rows.find(({ selector }) => selector === name)!.accuracy
  const compared = (evaluated['comparisons'] as { selector: string; baseline: string }[]).filter(
    ({ selector }) => selector === 'other',
  )
  const best = accuracy('agreement') > accuracy('random') ? 'agreement' : 'random'
  expect(compared.map(({ baseline }) => baseline)).toContain(best)

  const renamed = await lever([...evaluate, '--policies', `other=${POLICY}`, '--out', at('renamed')])
  expect(renamed.stderr).toContain('other was trained on agreement; call it agreement')
}, 120_000)

test('says what is missing, and writes nothing then', async () => {
  const cases: [args: readonly string[], message: string][] = [
    [['sft', '--target', 'agreement', '--embeddings', at('train.safetensors')], 'give --dataset'],
    [['sft', '--embeddings', at('train.safetensors')], '--rl-data is missing'],
    [[...free, '--rl-data', at('none.json')], 'leave out --rl-data'],
    [['evaluate', ...train, '--selectors', 'agreement'], 'lever sft --target agreement'],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await lever([...args, '--out', at('wrong')])
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(stderr).toContain(message)
  }
}, 60_000)

test('no right answer in any pool ends the command', async () => {
  const { folder } = smallWorld(at('apart'), 'train', 20)
  const file = join(folder, 'annotations.json')
  const text = JSON.parse(readFileSync(file, 'utf8')) as {
    annotations: { multiple_choice_answer: string; answers: { answer: string }[] }[]
  }
  text.annotations.forEach((annotation, i) => {
    annotation.multiple_choice_answer = `word${i}`
    for (const answer of annotation.answers) answer.answer = `word${i}`
  })
  writeFileSync(file, JSON.stringify(text))
  const { code, stderr } = await lever([
    ...['sft', '--target', 'agreement', '--dataset', folder, '--pool-size', '8', '--pool-method', 'random'],
    ...['--embeddings', at('train.safetensors'), '--out', at('apart-out')],
  ])
  expect(code).toBe(2)
  expect(stderr).toContain("no candidate's answer is right")
}, 60_000)
