import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { freshPath, sortedText } from './scripted.ts'

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url))
/** More by hand: LEVER_KILLS=100 npm test -- kill */
const KILLS = Number(process.env['LEVER_KILLS'] ?? 5)

interface Run {
  resumed: number
  /** Outcomes that the process said it had written. */
  said: number
  done: boolean
}

/** Runs the child and sends `signal` once it said that it has `at` outcomes. */
async function run(
  journal: string,
  concurrency: number,
  at = Infinity,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<Run> {
  const child = spawn(process.execPath, [CHILD, journal, String(concurrency)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint += text.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const result = { resumed: 0, said: 0, done: false }
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, number] = line.split(' ')
    if (word === 'start') result.resumed = Number(number)
    if (word === 'outcomes') result.said = Number(number)
    if (word === 'done') result.done = true
    if (result.said >= at) child.kill(signal)
    if (result.said >= at && signal === 'SIGSTOP') setTimeout(() => child.kill('SIGCONT'), 500)
    if (result.said >= at && signal === 'SIGSTOP') at = Infinity
  }
  const code = await ended
  if (code !== null && code !== 0) throw new Error(`the child ended with ${code}: ${complaint}`)
  return result
}

test.each([1, 4])(
  'kill -9 at random moments loses no written outcome and changes no line, %i calls at a time',
  async (concurrency) => {
    const whole = freshPath()
    expect(await run(whole, 1)).toMatchObject({ resumed: 0, said: 600, done: true })
    const random = createRandom(process.pid, concurrency)
    let path = freshPath()
    let said = 0
    const finish = async (): Promise<void> => {
      const last = await run(path, concurrency)
      expect(last.resumed).toBeGreaterThanOrEqual(said)
      expect(last).toMatchObject({ said: 600, done: true })
      expect(sortedText(path)).toBe(sortedText(whole))
    }
    for (let kill = 0; kill < KILLS; kill++) {
      if (said > 400) {
        await finish()
        path = freshPath()
        said = 0
      }
      const killed = await run(path, concurrency, said + random.int(120))
      expect(killed.resumed).toBeGreaterThanOrEqual(said)
      said = Math.max(said, killed.said, killed.resumed)
    }
    await finish()
  },
  60_000 + 2_000 * KILLS,
)

test('a process that stands still for a while continues as if nothing had been', async () => {
  const [whole, path] = [freshPath(), freshPath()]
  await run(whole, 2)
  expect(await run(path, 2, 200, 'SIGSTOP')).toEqual({ resumed: 0, said: 600, done: true })
  expect(sortedText(path)).toBe(sortedText(whole))
})
