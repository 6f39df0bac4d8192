import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

const folder = fileURLToPath(new URL('..', import.meta.url))
const root = join(folder, '../..')

/** Runs a script as the README says, and gives what it prints. */
async function run(script: string, ...args: string[]): Promise<string> {
  const all = ['--import', 'tsx', join(folder, 'src', script), ...args]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, all, { cwd: root })
  expect(stderr).toBe('')
  return stdout
}

test('own-arrays: the policy chooses the example of the same kind', async () => {
  expect(await run('own-arrays.ts')).toBe('for question 3 the policy shows example 19 of 12, 13, 14, 19\n')
  const lines = readFileSync(join(folder, 'src/own-arrays.ts'), 'utf8').split('\n')
  expect(lines.filter((line) => line !== '' && !line.startsWith('//')).length).toBeLessThanOrEqual(25)
})

test('score-results: the figure, and every question', async () => {
  const text = await run('score-results.ts')
  expect(text).toContain('Overall accuracy: 86.67')
  expect(text).toContain('question 2: 3 is worth 60')
})

test('score-results: what is wrong with a file is said, and the exit code is 2', async () => {
  const missing = join(folder, 'data/none.json')
  await expect(run('score-results.ts', missing)).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`cannot read ${missing}`) as unknown,
  })
})

test('original-checkpoint: the choices are those of Python', async () => {
  const lines = (await run('original-checkpoint.ts'))
    .split('\n')
    .filter((line) => line.startsWith('question'))
  expect(lines).toHaveLength(3)
  for (const line of lines) {
    const [, ours, theirs] = /candidates (.+), in Python (.+)$/.exec(line)!
    expect(ours).toBe(theirs)
  }
})

test('notebook: the curve rises above similarity, and the plot is written', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'lever-notebook-')), 'curve.svg')
  const text = await run('notebook.ts', out)
  const curve = Array.from(text.matchAll(/questions: (\d+) %/g), ([, share]) => Number(share))
  const [, nearest, most] = /most similar (\d+) %, at most (\d+) %/.exec(text)!.map(Number)
  expect(curve).toHaveLength(6)
  expect(curve[0]).toBeGreaterThan(nearest!)
  expect(curve.at(-1)).toBeGreaterThan(most! - 5)
  const svg = readFileSync(out, 'utf8')
  expect(svg.match(/<polyline/g)).toHaveLength(1)
  expect(svg).not.toContain('NaN')
}, 120_000)

test('the test of the reward mode passes in vitest too', async () => {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', '--root', join(folder, 'reward-mode')]
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, NO_COLOR: '1' },
  })
  expect(stdout).toMatch(/Tests +4 passed/)
})
