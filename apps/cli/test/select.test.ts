import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { makeBundle } from '../../../packages/server/test/support/world.ts'
import { lever, scratch } from './support/lever.ts'

const DATASET = fileURLToPath(new URL('../../../fixtures/shapes-vqa/world/test', import.meta.url))
/** Bytes. */
const MORE_THAN_THE_HEADER = 1_000

test('select --dataset that was killed continues, to the bytes of one that was not', async () => {
  const folder = scratch()
  const [whole, out] = [join(folder, 'whole.jsonl'), join(folder, 'cut.jsonl')]
  const args = ['select', '--bundle', await makeBundle(60), '--dataset', DATASET, '--json']
  expect((await lever([...args, '--out', whole])).code).toBe(0)
  const journal = `${out}.journal.jsonl`
  const begun = (): boolean => existsSync(journal) && statSync(journal).size > MORE_THAN_THE_HEADER
  const cut = await lever([...args, '--out', out], { kill: [{ signal: 'SIGKILL', when: begun }] })
  expect(cut.signal).toBe('SIGKILL')
  expect(existsSync(out)).toBe(false)
  const kept = readFileSync(journal, 'utf8').split('\n').length - 2

  const again = await lever([...args, '--out', out])
  expect(again.code).toBe(0)
  const { lines, resumed } = JSON.parse(again.stdout) as { lines: number; resumed: number }
  expect(lines).toBe(300)
  expect(resumed).toBeGreaterThan(0)
  expect(Math.abs(resumed - kept)).toBeLessThanOrEqual(1)
  expect(readFileSync(out)).toEqual(readFileSync(whole))
  expect(existsSync(journal)).toBe(false)
}, 240_000)

test('select says who chose and why: probability, similarity, and the static share or that there is none', async () => {
  const bundle = await makeBundle(60)
  const image = join(DATASET, '../images/1.png')
  const args = ['select', '--bundle', bundle, '--image', image, '--question', 'what color is it?']
  const { code, stdout } = await lever(args)
  expect(code).toBe(0)
  expect(stdout).toMatch(/# +question +answer +id +probability +similarity +static share/)
  expect(stdout).toMatch(/1 +\S.* 0\.\d{3} +0\.\d{3} +none\n/)
})
