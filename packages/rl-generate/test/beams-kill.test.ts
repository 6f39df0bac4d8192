import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { sortedText } from './scripted.ts'

const CHILD = fileURLToPath(new URL('beams-child.mjs', import.meta.url))

/** Runs the child, killed after so many of its lines. */
async function run(folder: string, after = Infinity): Promise<{ resumed: number; done: boolean }> {
  const child = spawn(process.execPath, [CHILD, folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint += text.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const result = { resumed: 0, done: false }
  let lines = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('start')) result.resumed = Number(line.split(' ')[1])
    if (line === 'done') result.done = true
    if (++lines === after) child.kill('SIGKILL')
  }
  const code = await ended
  if (code !== null && code !== 0) throw new Error(`the child ended with ${code}: ${complaint}`)
  return result
}

test('kill -9 on the way, again and again, and the file of beams has the same bytes', async () => {
  const folder = (): string => mkdtempSync(join(tmpdir(), 'beams-'))
  const [whole, broken] = [folder(), folder()]
  expect(await run(whole)).toEqual({ resumed: 0, done: true })
  let before = 0
  for (const after of [4, 9, 14]) {
    const { resumed, done } = await run(broken, after)
    expect(done).toBe(false)
    expect(resumed).toBeGreaterThanOrEqual(before)
    before = resumed
  }
  const last = await run(broken)
  expect(last.resumed).toBeGreaterThan(before)
  expect(last.done).toBe(true)
  const read = (path: string): string => readFileSync(join(path, 'beams.json'), 'utf8')
  expect(read(broken)).toBe(read(whole))
  expect(sortedText(join(broken, 'beams.jsonl'))).toBe(sortedText(join(whole, 'beams.jsonl')))
}, 60_000)
