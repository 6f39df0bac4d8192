import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { metricOf, officialScore } from '@lever/vqa-eval'
import { lever, scratch } from './support/lever.ts'
import { directWorld, smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const PARQUET = fileURLToPath(new URL('../../../fixtures/golden/vqa-parquet/', import.meta.url))
const WORLD = fileURLToPath(new URL('../../../fixtures/shapes-vqa/world/', import.meta.url))

async function json(...args: string[]): Promise<Record<string, never>> {
  const { code, stdout, stderr } = await lever([...args, '--json'])
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Record<string, never>
}

/** What the command says on stderr when it ends with status 2. */
async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lever(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  return stderr
}

beforeAll(() => {
  process.env['LEVER_CACHE'] = at('cache')
  mkdirSync(at('own/images'), { recursive: true })
  const rows = [1, 2, 3].map((id) => ({
    question: `Question ${id}?`,
    image: id === 3 ? 'gone.png' : `${id}.png`,
    answers: ['red', 'red', 'red', 'blue'],
  }))
  writeFileSync(at('own/questions.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  for (const id of [1, 2]) cpSync(join(WORLD, 'images', `${id}.png`), at(`own/images/${id}.png`))
})

describe('data describe of a dataset', () => {
  test('official files, several splits and what they share', async () => {
    const { datasets, leakage } = await json('data', 'describe', join(WORLD, 'train'), join(WORLD, 'test'))
    expect(datasets).toMatchObject([
      { form: 'official', questions: { count: 600 }, baselines: {} },
      { split: 'test', questions: { count: 300 }, images: { count: 200, found: 300, missing: { count: 0 } } },
    ])
    expect(leakage).toEqual([{ between: [0, 1], images: 0, questions: [0, 0], sameQuestions: 0 }])
  })

  test('lines, with the image that is not there', async () => {
    const { stdout } = await lever(['data', 'describe', at('own')])
    expect(stdout).toContain('questions   3, 2.0 words each')
    expect(stdout).toContain('missing     1 images: gone.png')
    expect(stdout).toContain('ceiling     75.00')
    expect(stdout).toContain('always "red"')
  })

  test('parquet of the Hub, by folder, by file and by --questions; images are kept once', async () => {
    const shard = join(PARQUET, 'vqav2/data/validation-00000-of-00002.parquet')
    const whole = await json('data', 'describe', join(PARQUET, 'vqav2'))
    expect(whole).toMatchObject({ form: 'parquet', split: 'validation', questions: { count: 4 } })
    expect(await json('data', 'describe', shard)).toEqual(whole)
    expect(await json('data', 'describe', '--questions', shard)).toEqual(whole)
    const folders = readdirSync(at('cache/images'))
    expect(folders.flatMap((name) => readdirSync(at(`cache/images/${name}`)))).toHaveLength(2)
    const aokvqa = await json('data', 'describe', '--dataset', join(PARQUET, 'aokvqa'), '--split', 'val')
    expect(aokvqa).toMatchObject({ metric: 'aokvqa', questions: { count: 2, withChoices: 2 } })
  })

  test('without a single image: described, but not embedded', async () => {
    mkdirSync(at('bare'))
    writeFileSync(at('bare/questions.jsonl'), '{"question":"What?","image_id":5,"answers":["a"]}\n')
    const { images, notices } = await json('data', 'describe', at('bare'))
    expect(images).toMatchObject({ count: 1, found: 0, missing: { count: 1, first: [5] } })
    expect(notices).toEqual([`1 of 1 questions have no image in ${at('bare')}: 5`])
    expect(await refused('embed', '--dataset', at('bare'), '--out', at('bare.safetensors'))).toMatch(
      /no image of .* 1 of 1 questions have no image in .*: 5; check --images/,
    )
  })

  test('what cannot be described', async () => {
    mkdirSync(at('nothing'))
    expect(await refused('data', 'describe')).toContain('there is nothing to describe')
    expect(await refused('data', 'describe', at('nothing'))).toMatch(
      /holds no dataset: .*questions\.json.*parquet/,
    )
    expect(await refused('data', 'describe', at('own'), '--dataset', at('own'))).toContain('give one')
    cpSync(join(PARQUET, 'vqav2/data/validation-00000-of-00002.parquet'), at('both/train-0.parquet'))
    cpSync(join(PARQUET, 'vqav2/data/validation-00000-of-00002.parquet'), at('both/val-0.parquet'))
    expect(await refused('data', 'describe', at('both'))).toContain(
      'holds the splits train, val; choose one with --split',
    )
  })
})

test('evaluate and beams of A-OKVQA name its metric in their protocol', async () => {
  const world = ['--dataset', directWorld(at('direct'), 'train', 4), '--pool-size', '2', '--workers', '1']
  const choose = ['--selectors', 'zero-shot', '--shots', '0', '--resamples', '100', '--seeds', '1']
  await json('evaluate', ...world, ...choose, '--out', at('a-evaluated'))
  await json('beams', ...world, '--shots', '1', '--width', '1', '--out', at('a-beams'))
  const manifest = (run: string): Record<string, Record<string, never>> =>
    JSON.parse(readFileSync(at(`${run}/manifest.json`), 'utf8')) as Record<string, Record<string, never>>
  const { config, evaluated } = manifest('a-evaluated')
  expect(config).toMatchObject({ protocol: { metric: 'aokvqa' } })
  expect(evaluated).toMatchObject({ protocol: { metric: 'aokvqa' } })
  expect(manifest('a-beams')['config']).toMatchObject({
    meta: { protocol: { metric: 'aokvqa', hash: evaluated!['protocol']!['hash'] } },
  })
})

test('embed makes the folders above its file; a file in the way is named', async () => {
  const out = at('deep/er/okvqa.safetensors')
  const args = ['embed', '--dataset', join(PARQUET, 'okvqa'), '--out']
  expect(await json(...args, out)).toMatchObject({ rows: 2, out })
  expect(await refused(...args, join(out, 'below/x.safetensors'))).toContain(
    `--out: ${out} is a file; give a folder`,
  )
  if (existsSync('/proc/self')) {
    expect(await refused(...args, '/proc/none/x')).toContain(
      '--out: cannot make the folder /proc/none (ENOENT)',
    )
  }
  symlinkSync(at('gone'), at('dangling'))
  expect(await refused(...args, at('dangling/x'))).toContain(
    `cannot make the folder ${at('dangling')} (EEXIST)`,
  )
})

test('embed takes parquet, and lines whose images are there', async () => {
  const made = await json('embed', '--dataset', join(PARQUET, 'okvqa'), '--out', at('okvqa.safetensors'))
  expect(made).toMatchObject({ rows: 2 })
  expect(await refused('embed', '--dataset', at('own'), '--out', at('own.safetensors'))).toMatch(
    /warning: 1 of 3 questions have no image in .*gone\.png[\s\S]*example 2: there is no image/,
  )
})

test('a question of A-OKVQA is scored by its own metric, others officially', () => {
  const score = officialScore()
  const answers = [...Array<string>(3).fill('cab'), ...Array<string>(7).fill('bus')]
  expect(score('cab', { answers, metric: 'aokvqa' }).accuracy).toBe(1)
  expect(score('Cab', { answers, metric: 'aokvqa' }).accuracy).toBe(0)
  expect(score('Cab', { answers }).accuracy).toBeCloseTo(0.9, 12)
  expect(metricOf([{}, {}])).toBe('vqa-loo')
  expect(metricOf([{ metric: 'aokvqa' }, { metric: 'aokvqa' }])).toBe('aokvqa')
})

describe('--pool-file', () => {
  const generate = (out: string, world: string, ...more: string[]): string[] => {
    writeFileSync(at('model.mjs'), 'export default ({ query }) => (query.id % 2 ? "red" : "star")\n')
    return [
      ...['generate', '--dataset', at(world), '--backend', 'scripted', '--model', at('model.mjs')],
      ...['--num-random', '3', '--out', at(out), ...more],
    ]
  }
  const data = (out: string): string => readFileSync(at(`${out}/rl-data.json`), 'utf8')

  beforeAll(() => {
    smallWorld(at('a'), 'train', 20)
    smallWorld(at('b'), 'train', 22)
  })

  test('is made once, and read by every run after', async () => {
    const first = await lever(generate('run1', 'a', '--pool-size', '6', '--pool-file', at('pools.json')))
    expect(first).toMatchObject({ code: 0 })
    expect(first.stderr).toContain(`made pools of 6 examples for 20 questions: ${at('pools.json')}`)
    const bytes = readFileSync(at('pools.json'), 'utf8')
    expect(JSON.parse(bytes)).toMatchObject({ _meta: { pools: 1, method: 'random', size: 6, seed: 0 } })
    const second = await lever(generate('run2', 'a', '--pools', at('pools.json')))
    expect(second).toMatchObject({ code: 0 })
    expect(readFileSync(at('pools.json'), 'utf8')).toBe(bytes)
    expect(data('run2')).toBe(data('run1'))
    const without = await lever(generate('run3', 'a', '--pool-size', '6'))
    expect(without).toMatchObject({ code: 0 })
    expect(data('run3')).toBe(data('run1'))
    const again = await lever(generate('run1', 'a', '--pool-file', at('pools.json')))
    expect(again).toMatchObject({ code: 0 })
  })

  test('of other data is refused with what differs, before a run directory is made', async () => {
    const pools = ['--pool-file', at('pools.json')]
    expect(await refused(...generate('run4', 'b', ...pools))).toMatch(
      /pools\.json are of other data: the queries were shapes train \([0-9a-f]{12}\), not shapes train \([0-9a-f]{12}\); the candidates were/,
    )
    expect(await refused(...generate('run4', 'a', '--pool-size', '7', ...pools))).toContain(
      'they have 6 examples, not 7',
    )
    expect(await refused(...generate('run4', 'a', '--pool-method', 'mixed', ...pools))).toContain(
      'made by method random, not mixed',
    )
    expect(existsSync(at('run4'))).toBe(false)
  })

  test('made by one file of embeddings serves a command with another, unless it asks for their method', async () => {
    const embed = (kind: string): Promise<unknown> =>
      json('embed', '--dataset', at('a'), '--kind', kind, '--out', at(`${kind}.safetensors`))
    await Promise.all([embed('text'), embed('both')])
    const pools = ['--pool-size', '6', '--pool-file', at('similar.json'), '--dry-run']
    const by = (kind: string): string[] => ['--embeddings', at(`${kind}.safetensors`), ...pools]
    const method = ['--pool-method', 'text-similar']
    expect(await lever(generate('run5', 'a', ...by('text'), ...method))).toMatchObject({ code: 0 })
    expect(await lever(generate('run5', 'a', ...by('both')))).toMatchObject({ code: 0 })
    expect(await refused(...generate('run5', 'a', ...by('both'), ...method))).toMatch(
      /the embeddings of the queries were text by .*, not both by/,
    )
  })
})
