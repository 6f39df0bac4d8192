import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'

const root = scratch()
const FILES = [
  'rl-data.json',
  'results.json',
  'per-question.jsonl',
  'report.html',
  'embeddings/train.safetensors',
  'agreement/checkpoints/best.safetensors',
  'pointer-rce/checkpoints/best.safetensors',
  'pointer-rce/checkpoints/last.safetensors',
  'pointer-rce/metrics.jsonl',
  'pointer-listwise/checkpoints/best.safetensors',
]

const run = (name: string, ...more: string[]): string[] => [
  'demo',
  '--out',
  join(root, name),
  '--queries',
  '16',
  ...more,
]

function hashes(name: string): Record<string, string> {
  const hash = (file: string): string =>
    createHash('sha256')
      .update(readFileSync(join(root, name, file)))
      .digest('hex')
  return Object.fromEntries(FILES.map((file) => [file, hash(file)]))
}

/** Is the file larger than so many bytes? */
const larger = (path: string, bytes: number) => (): boolean => existsSync(path) && statSync(path).size > bytes

interface Output {
  table: { selector: string; shots: number; accuracy: number; ci: [number, number]; n: number }[]
  gapClosed: { selector: string; shots: number; value: number }[]
  seconds: Record<string, number>
}

test('the composition world has a library of its own, and no demonstration suffices', async () => {
  const { code, stdout, stderr } = await lever(run('composition', '--world', 'composition', '--json'))
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  const { table, out } = JSON.parse(stdout) as Output & { out: string }
  const at = (selector: string, shots: number): number =>
    table.find((row) => row.selector === selector && row.shots === shots)!.accuracy
  expect(at('oracle', 1)).toBeLessThan(50)
  expect(at('oracle', 2)).toBeGreaterThan(80)
  expect(at('copy-nearest', 1)).toBe(0)
  expect(existsSync(join(out, 'embeddings/library.safetensors'))).toBe(true)
  const again = await lever(run('composition', '--world', 'composition'))
  expect(again.stdout).toContain('--query-embeddings')
  expect(again.stdout).toContain('lever demo --world composition --seed 1')
}, 120_000)

describe('demo on 16 questions of each split', () => {
  let table: Output['table']

  test('prints the whole table as one object', async () => {
    const { code, stdout, stderr } = await lever(run('a', '--json'))
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const output = JSON.parse(stdout) as Output
    table = output.table
    const selectors = [...new Set(table.map(({ selector }) => selector))]
    expect(selectors).toEqual([
      ...['zero-shot', 'majority-vote', 'copy-nearest', 'random', 'vote', 'static', 'bm25', 'rices-image'],
      ...['rices-text', 'rices-both', 'mmices', 'mmr', 'k-means', 'pool:rices-both'],
      'agreement',
      'pointer-rce',
      'pointer-listwise',
      'oracle',
    ])
    expect(table).toHaveLength(2 + 4 * 16)
    for (const row of table) {
      expect(Object.keys(row)).toEqual(['selector', 'shots', 'accuracy', 'ci', 'n'])
      expect(row.n).toBe(16)
      expect(row.ci[0]).toBeLessThanOrEqual(row.accuracy)
      expect(row.ci[1]).toBeGreaterThanOrEqual(row.accuracy)
    }
    const at = (selector: string, shots: number): number =>
      table.find((row) => row.selector === selector && row.shots === shots)!.accuracy
    expect(at('oracle', 2)).toBeGreaterThan(at('random', 2))
    expect(output.gapClosed.map(({ selector }) => selector)).toContain('pointer-listwise')
    expect(Object.keys(output.seconds)).toEqual([
      'embed',
      'generate',
      'train agreement',
      'train pointer-rce',
      'train pointer-listwise',
      'evaluate',
      'report',
      'total',
    ])
  }, 120_000)

  test('killed, interrupted and continued, it gives the same bytes', async () => {
    const folder = join(root, 'b')
    const first = await lever(run('b'), {
      kill: [{ signal: 'SIGKILL', when: larger(join(folder, 'rl-data.jsonl'), 30_000) }],
    })
    expect(first.code).toBeNull()
    const metrics = join(folder, 'pointer-rce', 'metrics.jsonl')
    const second = await lever(run('b'), { kill: [{ signal: 'SIGKILL', when: larger(metrics, 200) }] })
    expect(second.code).toBeNull()
    const third = await lever(run('b'), {
      kill: [{ signal: 'SIGINT', when: larger(join(folder, 'answers.jsonl'), 200) }],
    })
    expect(third.code).toBe(130)
    expect(third.stdout).toBe('')
    expect(third.stderr).toContain('interrupted; what was done is saved, and the same command continues it')
    expect(third.stderr).toContain('generate: done before')
    const last = await lever(run('b', '--json', '--quiet'))
    expect(last).toMatchObject({ code: 0, stderr: '' })
    expect((JSON.parse(last.stdout) as Output).table).toEqual(table)
    expect(hashes('b')).toEqual(hashes('a'))
  }, 240_000)

  test('finished, it prints the table again; another seed needs another directory', async () => {
    const again = await lever(run('a'))
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('Accuracy in per cent [95 % interval]')
    expect(again.stdout).toContain('Seconds: embed')
    expect(again.stderr).toContain('evaluate: done before')
    const other = await lever(run('a', '--seed', '1'))
    expect(other).toMatchObject({ code: 2, stdout: '' })
    expect(other.stderr).toMatch(/belongs to another configuration: seed.*use another --out/)
  })
})
