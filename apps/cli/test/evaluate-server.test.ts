import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { killServers, startServer } from '../../../packages/vqa-model/test/support/openai-server.ts'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder } = smallWorld(join(root, 'world'), 'train', 20)
const answers = (): string => join(root, 'evaluated', 'answers.jsonl')
/** Whole lines of the journal without its header. */
const kept = (): number =>
  existsSync(answers()) ? readFileSync(answers(), 'utf8').split('\n').length - 2 : 0

afterAll(killServers)

test('killed after 13 answers of a server, an evaluation has kept 13 and asks only for the others', async () => {
  const args = (baseUrl: string): string[] => [
    ...['evaluate', '--dataset', folder, '--pool-size', '6', '--shots', '0', '--selectors', 'zero-shot'],
    ...['--resamples', '100', '--out', join(root, 'evaluated'), '--json', '--model', 'toy-vlm'],
    ...['--backend', 'openai', '--base-url', baseUrl, '--concurrency', '1', '--no-expected'],
  ]
  const first = await startServer({ delay: 100 })
  const { signal } = await lever(args(first.baseUrl), {
    kill: [{ signal: 'SIGKILL', when: () => kept() >= 13 }],
  })
  expect(signal).toBe('SIGKILL')
  const before = readFileSync(answers(), 'utf8')
  const known = kept()
  expect(known).toBeGreaterThanOrEqual(13)
  expect(known).toBeLessThan(20)
  const second = await startServer()
  const { code } = await lever(args(second.baseUrl))
  expect(code).toBe(0)
  expect(readFileSync(answers(), 'utf8').startsWith(before.slice(0, before.lastIndexOf('\n') + 1))).toBe(true)
  expect(kept()).toBe(20)
  const { answered } = await second.seen()
  expect(Object.keys(answered).length).toBe(20 - known)
}, 120_000)
