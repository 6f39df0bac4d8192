import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { optionsOf } from '../src/command.ts'
import { evaluate } from '../src/commands/evaluate.ts'
import { train } from '../src/commands/train.ts'
import { gridCells, readGrid } from '@lever/grpo-trainer'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const grid = (name: string, text: string): string => {
  writeFileSync(at(name), text)
  return at(name)
}

describe('a grid file', () => {
  const read = async (text: string) => {
    const table = await optionsOf(train)
    const found = await readGrid(grid('read.yaml', text), table, await optionsOf(evaluate))
    return { ...found, cells: gridCells(found, table) }
  }
  const base = 'rl_data: [a.json, b.json]\nembeddings: e\n'

  test('every combination, the last axis fastest; lists of set add up', async () => {
    const { cells, test: onTest } = await read(
      `${base}set: rce.top1=best\ngrid:\n  reward-mode: [hard_only, soft_only]\n  grpo:\n    off: {}\n    on: { grpo-epochs: 2, set: [grpo.form=cispo, grpo.kl=k3] }\ntest: { dataset: d, shots: [1, 2] }\n`,
    )
    expect(cells.map(({ labels }) => labels.join(' '))).toEqual([
      'hard_only off',
      'hard_only on',
      'soft_only off',
      'soft_only on',
    ])
    expect(cells[0]!.options).toMatchObject({
      rlData: ['a.json', 'b.json'],
      rewardMode: 'hard_only',
      grpoEpochs: undefined,
      set: ['rce.top1=best'],
    })
    expect(cells[3]!.options).toMatchObject({
      rewardMode: 'soft_only',
      grpoEpochs: 2,
      set: ['rce.top1=best', 'grpo.form=cispo', 'grpo.kl=k3'],
    })
    expect(onTest).toEqual(
      new Map<string, unknown>([
        ['dataset', 'd'],
        ['shots', [1, 2]],
      ]),
    )
  })

  test('a value that is wrong is a problem of its cells alone', async () => {
    const { cells } = await read(`${base}grid: { rce-lr: [0.001, -1], seed: [0, x] }\n`)
    expect(cells.map(({ problem = 'fine' }) => problem)).toEqual([
      'fine',
      'seed is "x"; give a whole number from 0',
      'rce-lr is -1; give a number from 0',
      'seed is "x"; give a whole number from 0',
    ])
  })

  test.each([
    ['', 'there is no grid'],
    ['grid: 3', 'grid must be a map'],
    ['grid: { reward-mod: [hard_only] }', 'there is no option reward-mod; did you mean reward-mode?'],
    ['grid: { reward-mode: hard_only }', 'must be a list of values of the option reward-mode'],
    ['grid: { seed: [1, 1] }', '1 is given twice'],
    ['grid: { a: {} }', 'grid: a is empty'],
    ['grid: { a: { x: 3 } }', 'grid: a: x must be a map'],
    ['grid: { seed: [{ a: 1 }] }', 'name the values'],
    ['grid: { a: { x: { seeed: 1 } } }', 'there is no option seeed; did you mean seed?'],
    ['grid: { out: [a, b] }', 'there is no option out'],
    ['grid: { a: { x: { seed: 1 } }, seed: [1, 2] }', 'the axes a and seed both set seed'],
    [
      `grid: { seed: [${Array.from({ length: 101 }, (_, i) => i).join()}], rce-lr: [${Array.from({ length: 100 }, (_, i) => `1e-${i}`).join()}] }`,
      'the grid has 10,100 cells (seed 101 x rce-lr 100), more than 10,000',
    ],
    ['out: x\ngrid: { seed: [1] }', 'there is no option out'],
    ['grid: { seed: [1] }\ntest: { policies: [a=b] }', 'there is no option policies'],
    ['grid: { seed: [1, }', 'not valid YAML'],
  ])('refused: %s', async (text, message) => {
    const attempt = read(`${base}${text}\n`)
    await expect(attempt).rejects.toThrow(message)
    await expect(attempt).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  })
})

describe('the command', () => {
  let file: string
  const shared = (): string =>
    `rl-data: ${at('rl/rl-data.json')}\nembeddings: ${at('e.safetensors')}\nhidden: 16\nval-ratio: 0.3\nrce-lr: 1e-3\n`

  beforeAll(async () => {
    smallWorld(at('world'), 'train', 40)
    smallWorld(at('test'), 'test', 6)
    for (const [name, world] of [
      ['e', 'world'],
      ['t', 'test'],
    ] as const) {
      const { code } = await lever(['embed', '--dataset', at(world), '--out', at(`${name}.safetensors`)])
      expect(code).toBe(0)
    }
    const generated = await lever([
      ...['generate', '--dataset', at('world'), '--embeddings', at('e.safetensors'), '--out', at('rl')],
      ...['--pool-size', '12', '--num-random', '4', '--num-retrieval', '4', '--workers', '1'],
    ])
    expect(generated).toMatchObject({ code: 0 })
    file = grid(
      'grid.yaml',
      `${shared()}save-every: 8\nrce-epochs: 10\ngrid:\n  reward-mode: [hard_plus_soft, nonsense]\n  seed: [0, 1]\ntest:\n  dataset: ${at('test')}\n  pool-dataset: ${at('world')}\n  embeddings: ${at('t.safetensors')}\n  pool-embeddings: ${at('e.safetensors')}\n  pool-size: 12\n  shots: [1, 2]\n  workers: 1\n  oracle-budget: 2\n`,
    )
  }, 120_000)

  const sweep = (out: string, ...more: readonly string[]) =>
    lever(['sweep', file, '--out', at(out), '--json', ...more])
  const hasState = (out: string): boolean =>
    existsSync(at(`${out}/cells`)) &&
    readdirSync(at(`${out}/cells`), { recursive: true, encoding: 'utf8' }).some((name) =>
      name.endsWith('state.safetensors'),
    )
  const bytes = (out: string): string[] =>
    readdirSync(at(`${out}/cells`), { recursive: true, encoding: 'utf8' })
      .filter((name) => /safetensors|metrics/.test(name))
      .sort()
      .map((name) => {
        const hash = createHash('sha256').update(readFileSync(at(`${out}/cells/${name}`)))
        return `${name} ${hash.digest('hex')}`
      })

  test('trains, lists what failed, skips what is finished, and reads the test split when told', async () => {
    const first = await sweep('whole', '--workers', '2')
    expect(first).toMatchObject({ code: 1 })
    const json = JSON.parse(first.stdout) as Record<string, unknown>
    expect(json).toMatchObject({
      axes: ['reward-mode'],
      rankedBy: 'ranked',
      skipped: 0,
      rows: [
        {
          'reward-mode': 'hard_plus_soft',
          behind: null,
          cells: [{ seed: '0', phase: expect.any(String) as unknown }, { seed: '1' }],
        },
      ],
      failed: [
        { name: 'nonsense, seed 0', problem: expect.stringContaining('one of hard_plus_soft') as unknown },
        { name: 'nonsense, seed 1' },
      ],
    })
    expect(bytes('whole').map((line) => line.split(' ')[0]!.split('/').slice(1).join('/'))).toEqual([
      ...['best', 'last', 'state'].map((name) => `checkpoints/${name}.safetensors`),
      'metrics.jsonl',
      ...['best', 'last', 'state'].map((name) => `checkpoints/${name}.safetensors`),
      'metrics.jsonl',
    ])
    const again = await sweep('whole', '--test')
    expect(JSON.parse(again.stdout)).toMatchObject({
      skipped: 2,
      rows: json['rows'],
      test: { questions: 6, rows: [{ 'reward-mode': 'hard_plus_soft', seeds: 2 }] },
    })
    const { reads } = JSON.parse(readFileSync(at('whole/test/manifest.json'), 'utf8')) as { reads: unknown[] }
    expect(reads).toHaveLength(1)
    const last = await sweep('whole', '--score', 'last')
    expect(JSON.parse(last.stdout)).toMatchObject({
      skipped: 2,
      rows: [
        {
          cells: [
            { phase: 'rce', epoch: 10 },
            { phase: 'rce', epoch: 10 },
          ],
        },
      ],
    })
    const text = await lever(['sweep', file, '--out', at('whole'), '--quiet'])
    expect(text.stdout).toContain('2 cells failed')
    expect(text.stdout).toContain('Official accuracy in per cent on validation (13 queries, 2 seeds)')
  }, 120_000)

  test('lever report shows the table, alone and beside a cell', async () => {
    const alone = await lever(['report', at('whole')])
    expect(alone).toMatchObject({ code: 0, stderr: '' })
    expect(alone.stdout).toMatch(/reward-mode +n +accuracy +95 % +sd .*\nhard_plus_soft +2 /)
    expect(alone.stdout).toContain('nonsense, seed 1: reward-mode is "nonsense"')
    const page = readFileSync(at('whole/report.html'), 'utf8')
    expect(page).toContain('<section id="ranking"')
    expect(page).toContain('13 queries, 2 seeds')
    const [cell] = readdirSync(at('whole/cells'))
    const both = ['report', at('whole'), at(`whole/cells/${cell!}`), '--out', at('both.html')]
    const { stdout } = await lever([...both, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      runs: [
        { command: 'sweep', ranking: { header: expect.arrayContaining(['accuracy']) as unknown } },
        { command: 'train', training: expect.anything() as unknown },
      ],
    })
    const markdown = await lever(['report', at('whole'), '--markdown', '--quiet'])
    expect(markdown.stdout).toContain('| reward-mode | n | accuracy |')
    expect(markdown.stdout).not.toContain('- seed')

    const ranking = readFileSync(at('whole/ranking.json'), 'utf8')
    rmSync(at('whole/ranking.json'))
    const early = await lever(['report', at('whole')])
    expect(early).toMatchObject({ code: 2, stdout: '' })
    expect(early.stderr).toMatch(/is a sweep without ranking\.json: .* run lever sweep again/)
    writeFileSync(at('whole/ranking.json'), '{"rows":[]}')
    expect((await lever(['report', at('whole')])).stderr).toContain('holds no ranking of this version')
    writeFileSync(at('whole/ranking.json'), ranking)
  }, 60_000)

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'interrupted by %s and run again, the bytes are the same',
    async (signal) => {
      const out = `cut-${signal}`
      const cut = await lever(['sweep', file, '--out', at(out), '--workers', '2'], {
        kill: [{ signal, when: () => hasState(out) }],
      })
      expect(cut.signal ?? cut.code).toBe(signal === 'SIGKILL' ? 'SIGKILL' : 130)
      const { code } = await sweep(out)
      expect(code).toBe(1)
      expect(bytes(out)).toEqual(bytes('whole'))
    },
    60_000,
  )

  test('a grid that cannot be ranked, and workers that do not exist', async () => {
    const none = grid(
      'none.yaml',
      `${shared()}grid: { seed: [0] }\n`.replace('val-ratio: 0.3', 'val-ratio: 0'),
    )
    const ran = await lever(['sweep', none, '--out', at('none')])
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('val-ratio is 0') as unknown })
    expect((await sweep('none', '--workers', '0')).stderr).toContain(
      '--workers is 0; give a whole number from 1',
    )
    expect((await sweep('whole', '--test', '--rank-by', 'loss')).code).toBe(2)
    rmSync(at('none'), { recursive: true, force: true })
  })

  test('the grids of the documentation are grids', async () => {
    const folder = fileURLToPath(new URL('../../../docs/sweeps/', import.meta.url))
    const table = await optionsOf(train)
    for (const name of readdirSync(folder)) {
      const found = await readGrid(join(folder, name), table, await optionsOf(evaluate))
      for (const cell of gridCells(found, table)) expect(cell.problem).toBeUndefined()
    }
  })
})
