import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Manifest } from '@lever/durable-files'
import { lever, scratch } from './support/lever.ts'
import { BUNDLED } from '../src/files.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const WORLD = join(BUNDLED, 'world')
const at = (name: string): string => join(root, name)
const text = (name: string): string => readFileSync(at(name), 'utf8')
const manifest = (run: string): Manifest => JSON.parse(text(`${run}/manifest.json`)) as Manifest

/** Runs a command that must succeed. */
async function run(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await lever(args)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return { stdout, stderr }
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lever(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  return stderr
}

interface Run {
  name: string
  command: string
  warnings: string[]
  facts: Record<string, string>
  table?: { selector: string; shots: number; accuracy: number }[]
  training?: { curve: string; series: string; last: number }[]
  rewards?: { queries: number; methods: { method: string; positive: number }[] }
}

beforeAll(async () => {
  await run('demo', '--queries', '12', '--out', at('demo'), '--quiet')
  const data = ['--rl-data', at('demo/rl-data.json'), '--embeddings', at('demo/embeddings/train.safetensors')]
  await run(
    'train',
    ...data,
    '--rce-epochs',
    '1',
    '--grpo-epochs',
    '1',
    '--hidden',
    '16',
    '--out',
    at('train'),
  )
}, 120_000)

describe('lever report', () => {
  test('of a demo is the page that the demo wrote', async () => {
    const before = readFileSync(at('demo/report.html'))
    const { stdout } = await run('report', at('demo'))
    expect(readFileSync(at('demo/report.html')).equals(before)).toBe(true)
    expect(stdout).toContain('Accuracy in per cent [95 % interval]')
    expect(stdout).toMatch(/validation reward +pointer-rce/)
    expect(stdout).toContain(`report: ${at('demo/report.html')}`)
    for (const id of ['accuracy', 'differences', 'types', 'training', 'rewards', 'examples', 'facts']) {
      expect(before.toString()).toContain(`<section id="${id}"`)
    }
    expect(before.toString()).toContain('data:image/webp;base64,')
    expect(before.toString()).not.toContain(root)
  })

  test('compares runs of several commands, with plots, in JSON and Markdown', async () => {
    const args = ['report', at('demo'), at('train'), '--plots', at('plots')]
    const output = JSON.parse((await run(...args, '--out', at('both.html'), '--json')).stdout) as {
      out: string
      plots: string[]
      runs: [Run, Run]
    }
    expect(output.out).toBe(at('both.html'))
    const [demo, train] = output.runs
    expect([demo.name, demo.command, train.name, train.command]).toEqual(['demo', 'demo', 'train', 'train'])
    expect(demo.table).toHaveLength(2 + 4 * 16)
    expect(demo.facts['reads of the test split']).toMatch(
      /^1: 12 questions by zero-shot, .*pointer-rce [0-9a-f]{12}$/,
    )
    expect(demo.warnings).toEqual([])
    expect(train.table).toBeUndefined()
    expect(train.rewards?.queries).toBe(12)
    expect(train.rewards?.methods.map(({ method }) => method).sort()).toEqual([
      'beam',
      'random',
      'retrieval',
      'sample',
    ])
    const curves = new Set(train.training?.map(({ curve, series }) => `${curve}: ${series}`))
    for (const curve of ['loss: policy, rce', 'loss: policy, grpo', 'KL: policy', 'entropy: policy, rce']) {
      expect(curves).toContain(curve)
    }
    const page = text('both.html')
    expect(page).toContain('demo · pointer-rce')
    expect(page).toContain('train · policy, rce')
    const plots = readdirSync(at('plots'))
    expect(plots).toEqual(
      expect.arrayContaining(['accuracy.svg', 'training-loss.svg', 'rewards-train-beam.svg']),
    )
    expect(output.plots).toHaveLength(plots.length)
    for (const plot of plots) expect(text(`plots/${plot}`)).toMatch(/^<svg [^]*<\/svg>\n$/)
    const other = ['report', at('demo'), at('train'), '--out', at('again.html'), '--markdown']
    const { stdout } = await run(...other)
    expect(text('again.html')).toBe(page)
    expect(stdout).toContain('## demo\n\n**Accuracy in per cent [95 % interval]**\n\n| selector |')
    expect(stdout).toMatch(/\| KL \| policy \|/)
    expect(stdout).toContain('- command: train')
  })

  test('refuses what is not a run, an output that exists, and a run without anything', async () => {
    mkdirSync(at('folder'))
    expect(await refused('report', at('folder'))).toContain(
      'has no manifest.json, so it is not a run directory',
    )
    expect(await refused('report', at('nowhere'))).toContain('there is no folder')
    expect(await refused('report')).toContain('needs runs')
    writeFileSync(at('folder/manifest.json'), '{"manifest":1,"command":"train","inputs":{},"versions":{}}')
    expect(await refused('report', at('folder'))).toContain(
      'has no results, no metrics.jsonl and no RL data yet',
    )
    expect(await refused('report', at('train'), '--out', at('both.html'))).toContain(
      'exists and is not overwritten',
    )
    writeFileSync(at('folder/results.json'), '{"table"')
    expect(await refused('report', at('folder'))).toContain('results.json is not JSON')
  })
})

describe('evaluate', () => {
  const script = at('model.mjs')
  const world = at('world')
  const evaluate = (selectors: readonly string[], shots = '0,1,2'): string[] => [
    ...['evaluate', '--dataset', world, '--pool-size', '6', '--backend', 'scripted', '--model', script],
    ...['--shots', shots, '--seeds', '2', '--resamples', '200', '--out', at('evaluation')],
    ...['--selectors', ...selectors],
  ]

  test('notes every read of the split, and the report warns of the second', async () => {
    smallWorld(world, 'test', 10, { copyImages: true })
    writeFileSync(script, 'export default ({ query }) => (query.id % 2 ? "red" : "star")\n')
    for (let times = 0; times < 2; times++) await run(...evaluate(['zero-shot', 'random', 'bm25']))
    expect(manifest('evaluation')['reads']).toEqual([
      {
        split: 'test',
        data: manifest('evaluation').inputs['dataset'],
        questions: 10,
        selectors: ['zero-shot', 'random', 'bm25'],
        policies: {},
        shots: [0, 1, 2],
        seeds: 2,
      },
    ])
    expect(text('evaluation/report.html')).not.toContain('was read')
    await run(...evaluate(['zero-shot', 'random', 'bm25'], '0,1'))
    expect(manifest('evaluation')['reads']).toHaveLength(2)
    expect(text('evaluation/report.html')).toContain('the test split was read 2 times')
  })

  test('a dataset that has moved costs the examples, until it is named', async () => {
    renameSync(world, at('moved'))
    const gone = await run('report', at('evaluation'), '--out', at('gone.html'))
    expect(gone.stderr).toMatch(
      /warning: .*questions\.json is gone, so there are no examples; give --dataset/,
    )
    expect(text('gone.html')).not.toContain('<section id="examples"')
    await run('report', at('evaluation'), '--out', at('found.html'), '--dataset', at('moved'))
    expect(text('found.html')).toContain('<section id="examples"')
    await run(
      'report',
      at('evaluation'),
      '--out',
      at('none.html'),
      '--dataset',
      at('moved'),
      '--examples',
      '0',
    )
    expect(text('none.html')).not.toContain('<section id="examples"')
    const other = await run(
      'report',
      at('evaluation'),
      '--out',
      at('other.html'),
      '--dataset',
      join(WORLD, 'train'),
    )
    expect(other.stderr).toContain('is not the one of the run; there are no examples')
  })

  test('on measured rewards alone: figures, coverage, and a policy that was trained on them', async () => {
    const data = ['evaluate', '--from-rl-data', at('demo/rl-data.json'), '--resamples', '200']
    const known = ['--dataset', join(WORLD, 'train'), '--embeddings', at('demo/embeddings/train.safetensors')]
    const policies = ['--policies', `rce=${at('demo/pointer-rce/checkpoints/best.safetensors')}`]
    const { stdout, stderr } = await run(...data, ...known, ...policies, '--out', at('offline'), '--json')
    expect(stderr).toContain('warning: rce was trained on these very rewards')
    const { table, coverage } = JSON.parse(stdout) as {
      table: NonNullable<Run['table']>
      coverage: { selector: string; shots: number; choices: number; measured: number }[]
    }
    const accuracy = Object.fromEntries(table.map((row) => [row.selector, row.accuracy]))
    expect(Object.keys(accuracy)).toEqual(
      expect.arrayContaining([
        'random',
        'pool:rices-both',
        'worst',
        'oracle',
        'method:beam',
        'method:retrieval',
      ]),
    )
    expect(accuracy['oracle']).toBeGreaterThan(accuracy['random']!)
    expect(accuracy['worst']).toBeLessThan(accuracy['random']!)
    expect(coverage.find(({ selector }) => selector === 'oracle')).toMatchObject({
      shots: 2,
      choices: 12,
      measured: 12,
    })
    expect(coverage.find(({ selector }) => selector === 'rce')).toMatchObject({ shots: 2, choices: 12 })
    const page = text('offline/report.html')
    expect(page).toContain('coverage of oracle, 2 shots')
    expect(page).toContain('<section id="rewards"')
    expect(page).toContain('<section id="examples"')
    expect(manifest('offline')['reads']).toMatchObject([{ split: 'train', questions: 12 }])

    const bare = await run(...data, '--out', at('bare'))
    expect(bare.stdout).toContain('Coverage: choices that had been measured; the others count nowhere')
    expect(await refused(...data, '--shots', '3', '--out', at('x'))).toContain(
      'has pointers of 2 demonstrations',
    )
    expect(await refused(...data, '--selectors', 'rices-both', '--out', at('x'))).toContain(
      'needs embeddings',
    )
    expect(await refused(...data, '--selectors', 'zero-shot', '--out', at('x'))).toContain(
      'not one choice of zero-shot',
    )
    expect(await refused(...data, '--dataset', join(WORLD, 'test'), '--out', at('y'))).toContain(
      'is in the dataset',
    )
    expect(() => statSync(at('y'))).toThrow()
  })
})
