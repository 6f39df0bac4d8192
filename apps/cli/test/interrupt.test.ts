import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 12)

/** `generate` with a model that needs so many milliseconds for an answer. */
function generate(out: string, milliseconds: number): string[] {
  const script = join(root, `model-${out}.mjs`)
  writeFileSync(
    script,
    `export default () => new Promise((resolve) => setTimeout(resolve, ${milliseconds}, 'red'))\n`,
  )
  const model = ['--backend', 'scripted', '--model', script, '--batch-size', '1']
  return ['generate', '--dataset', folder, '--pool-size', '6', '--out', join(root, out), ...model]
}

const measured = (out: string, lines: number) => (): boolean => {
  const journal = join(root, out, 'rl-data.jsonl')
  return (
    existsSync(journal) &&
    statSync(journal).size > 0 &&
    readFileSync(journal, 'utf8').split('\n').length > lines
  )
}

test('SIGINT saves and exits with 130; the same command continues', async () => {
  const args = generate('saved', 30)
  const { code, stdout, stderr } = await lever(args, {
    kill: [{ signal: 'SIGINT', when: measured('saved', 16) }],
  })
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(stderr).toContain('stopping after saving; press Ctrl-C once more to quit at once')
  const before = readFileSync(join(root, 'saved', 'rl-data.jsonl'), 'utf8')
  expect(before.endsWith('\n')).toBe(true)
  const { stdout: result } = await lever([...args, '--json', '--quiet'])
  const { statistics } = JSON.parse(result) as { statistics: { outcomes: number; resumed: number } }
  expect(statistics.outcomes).toBe(12 * 6)
  expect(statistics.resumed).toBeGreaterThanOrEqual(2)
  expect(readFileSync(join(root, 'saved', 'rl-data.jsonl'), 'utf8').startsWith(before)).toBe(true)
})

test('a second SIGINT quits at once', async () => {
  const started = performance.now()
  const { code, signal } = await lever(generate('quit', 300_000), {
    kill: [
      { signal: 'SIGINT', when: measured('quit', 1) },
      { signal: 'SIGINT', when: (stderr) => stderr.includes('stopping after saving') },
    ],
  })
  // The second one may find the process gone, or going: then the system ends it.
  expect(code ?? signal).toEqual(signal ?? 130)
  expect(signal ?? 'SIGINT').toBe('SIGINT')
  expect(performance.now() - started).toBeLessThan(60_000)
})

describe('one signal ends a command within 10 seconds', () => {
  const blocked = join(root, 'blocked.mjs')
  writeFileSync(
    blocked,
    "import { writeSync } from 'node:fs'\nexport default () => { writeSync(2, 'blocked'); for (;;); }\n",
  )
  const stuck = [
    ...['generate', '--dataset', folder, '--pool-size', '6', '--out', join(root, 'stuck')],
    ...['--backend', 'scripted', '--model', blocked],
  ]

  test.each(['SIGINT', 'SIGTERM'] as const)('%s while native code or a loop has the thread', async (name) => {
    let sent = 0
    const { signal, stderr } = await lever(stuck, {
      kill: [
        {
          signal: name,
          when(said) {
            if (!said.includes('blocked')) return false
            sent = performance.now()
            return true
          },
        },
      ],
    })
    expect(performance.now() - sent).toBeLessThan(10_000)
    expect(signal).toBe(name)
    expect(stderr).toContain('ending now')
  })

  test.each([0, 30, 80, 150, 250, 400])('SIGTERM %d ms after the start', async (milliseconds) => {
    const started = performance.now()
    const { code, signal } = await lever(generate(`early-${milliseconds}`, 300_000), {
      kill: [{ signal: 'SIGTERM', when: () => performance.now() - started >= milliseconds }],
    })
    expect(signal ?? code).toEqual(signal === null ? 130 : 'SIGTERM')
    expect(performance.now() - started).toBeLessThan(milliseconds + 10_000)
  })
})
