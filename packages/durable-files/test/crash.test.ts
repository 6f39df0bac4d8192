import { access, chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, test } from '@jest/globals'
import { openJournal, readJournal, writeFileAtomic, writeFilesAtomic } from '../src/index.ts'
import { startChild } from './support/child.ts'
import { temporaryFolder } from './support/temporary.ts'

const NOBODY = 65534
let folder: string
let path: string
beforeEach(async () => {
  folder = await temporaryFolder()
  path = join(folder, 'outcomes.jsonl')
})

test('kill -9 while appending loses no line that was reported as written', async () => {
  let reported = -1
  for (const delay of [5, 12, 3, 25, 8]) {
    const child = startChild('append', path)
    expect(await child.next()).toMatch(/^open \d+ \d+$/)
    await child.next()
    await sleep(delay)
    await child.kill()
    reported = Number(child.lines.at(-1)!.slice(1))
    const { entries } = await readJournal<{ k: number; text: string }>(path)
    expect(entries.length).toBeGreaterThan(reported)
    expect(entries.length).toBeLessThanOrEqual(reported + 5)
    entries.forEach(({ key, value }, i) => {
      expect([key, value.k, value.text.length]).toEqual([`k${i}`, i, i % 2000])
    })
  }
  expect(reported).toBeGreaterThan(15)
  await (await openJournal({ path, header: 1 })).close()
  expect(await readdir(folder)).toEqual(['outcomes.jsonl'])
})

test('kill -9 while a file is replaced leaves the old content or the new one', async () => {
  const file = join(folder, 'results.json')
  for (const delay of [1, 7, 15]) {
    const child = startChild('replace', file)
    expect(await child.next()).toBe('started')
    await sleep(delay)
    await child.kill()
    const text = await readFile(file, 'utf8')
    expect(text).toBe(text[0]!.repeat(200_000))
  }
})

test('a journal that may not grow ends in a whole line and can be continued', async () => {
  const child = startChild('appendUntilFull', path, 0, { shell: 'ulimit -f 8' })
  await child.ended
  const failed = JSON.parse(child.lines[0]!) as { message: string; code: null; key: string; has: boolean }
  expect(failed).toMatchObject({ code: null, has: false })
  expect(failed.message).toMatch(
    /^durable-files: cannot append to .* \(EFBIG\): .*run the same command again$/,
  )
  const text = await readFile(path, 'utf8')
  expect(text.endsWith('"}\n')).toBe(true)
  const journal = await openJournal<string>({ path, header: 1 })
  expect(journal.resumed.tornBytes).toBe(0)
  expect(await journal.append(failed.key, 'x'.repeat(300))).toBe('written')
  await journal.close()
})

test('an atomic write that does not fit leaves the old file and no temporary file', async () => {
  const file = join(folder, 'results.json')
  await writeFile(file, 'old')
  const child = startChild('write', file, 1_000_000, { shell: 'ulimit -f 8' })
  await child.ended
  expect(JSON.parse(child.lines[0]!)).toMatchObject({ code: null, message: expect.stringContaining('EFBIG') })
  expect(await readFile(file, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['results.json'])
})

const asRoot = process.getuid?.() === 0 ? test : test.skip
asRoot('a folder that may not be written is an input error', async () => {
  await chmod(folder, 0o755)
  const child = startChild('write', join(folder, 'results.json'), 10, { uid: NOBODY })
  await child.ended
  const error = JSON.parse(child.lines[0]!) as { message: string }
  expect(error).toMatchObject({ code: 'LEVER_INPUT' })
  expect(error.message).toMatch(/cannot write .*results\.json \(EACCES\): it may not be written; check/)
  await expect(access(join(folder, 'results.json'))).rejects.toThrow()
})

test.each(['missing/results.json', 'file/results.json', 'folder'])(
  'the path %s is an input error',
  async (name) => {
    await writeFile(join(folder, 'file'), '')
    await mkdir(join(folder, 'folder'))
    const target = join(folder, name)
    for (const failing of [writeFileAtomic(target, ''), openJournal({ path: target, header: 1 })]) {
      await expect(failing).rejects.toMatchObject({ code: 'LEVER_INPUT' })
      await expect(failing).rejects.toThrow(target)
    }
    expect((await readdir(folder)).sort()).toEqual(['file', 'folder'])
  },
)

test('a device is not replaced', async () => {
  await expect(writeFileAtomic('/dev/null', 'x')).rejects.toThrow('not a regular file')
})

test('several files change together or not at all', async () => {
  await writeFile(join(folder, 'a'), 'old')
  const files = (last: string): { path: string; data: string }[] => [
    { path: join(folder, 'a'), data: 'new' },
    { path: join(folder, last), data: 'new' },
  ]
  await expect(writeFilesAtomic(files('missing/b'))).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['a'])
  await writeFilesAtomic(files('b'))
  expect([await readFile(join(folder, 'a'), 'utf8'), await readFile(join(folder, 'b'), 'utf8')]).toEqual([
    'new',
    'new',
  ])
  await writeFilesAtomic([])
})
