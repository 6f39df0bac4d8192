import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, expect, test } from '@jest/globals'
import { isInputError, openJournal, type Journal } from '../src/index.ts'
import { temporaryFolder } from './support/temporary.ts'

let path: string
beforeEach(async () => {
  const folder = join(await temporaryFolder(), 'run')
  await mkdir(folder)
  path = join(folder, 'outcomes.jsonl')
})

async function failureOf(action: Promise<unknown>): Promise<Error> {
  try {
    await action
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}

/** Appends until a sync fails; the error, which the run ends with (status 1, not 2). */
async function appendUntilFailure(journal: Journal<number>): Promise<Error> {
  for (let i = 0; i < 100; i++) {
    const outcome = await journal.append(`later-${i}`, i).catch((error: unknown) => error as Error)
    if (outcome instanceof Error) {
      expect(isInputError(outcome)).toBe(false)
      return outcome
    }
  }
  throw new Error('every line was written into nothing')
}

test('a journal that is removed while a run goes on stops the run at the next sync', async () => {
  const journal = await openJournal<number>({ path, header: 1, syncEvery: 4 })
  for (let i = 0; i < 8; i++) await journal.append(`key-${i}`, i)
  await rm(path)
  const error = await appendUntilFailure(journal)
  expect(error.message).toBe(
    `durable-files: ${path} is gone (ENOENT) while this process wrote to it; nothing more is written. ` +
      'Put the file or its folder back, or accept what is there now, and run the same command again: it continues from what the file holds',
  )
  await expect(journal.append('more', 1)).rejects.toThrow(error.message)
  await expect(journal.close()).rejects.toThrow(error.message)
})

test('a file in its place is not the journal', async () => {
  const journal = await openJournal<number>({ path, header: 1, syncEvery: 4 })
  await journal.append('a', 1)
  await journal.flush()
  await rename(path, `${path}.old`)
  await writeFile(path, await readFile(`${path}.old`))
  expect((await appendUntilFailure(journal)).message).toContain('outcomes.jsonl was replaced while this')
  await expect(journal.close()).rejects.toThrow('was replaced')
  const again = await openJournal<number>({ path, header: 1 })
  expect([...again.entries()]).toEqual([['a', 1]])
  await again.close()
})

test('the folder moved away: the next sync or the end says so, and put back the run continues', async () => {
  const folder = dirname(path)
  const journal = await openJournal<number>({ path, header: 1, syncEvery: 100 })
  await journal.append('a', 1)
  await rename(folder, `${folder}-moved`)
  await mkdir(folder)
  await journal.append('b', 2)
  expect((await failureOf(journal.flush())).message).toContain('is gone (ENOENT)')
  await expect(journal.close()).rejects.toThrow('is gone (ENOENT)')
  await rm(folder, { recursive: true })
  await rename(`${folder}-moved`, folder)
  // The lock of a process that has ended would not stand in the way; this one has not.
  for (const name of await readdir(folder)) if (name.includes('.lock-')) await rm(join(folder, name))
  const again = await openJournal<number>({ path, header: 1 })
  expect([...again.entries()]).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  await again.close()
})

test('a journal that is removed after its last sync is missed at the end', async () => {
  const journal = await openJournal<number>({ path, header: 1 })
  await journal.append('a', 1)
  await journal.flush()
  await rm(path)
  await expect(journal.close()).rejects.toThrow('is gone (ENOENT)')
})

test('a slow run is told without waiting for the next sync', async () => {
  const journal = await openJournal<number>({ path, header: 1, syncEvery: 1000 })
  await journal.append('a', 1)
  await rm(path)
  await new Promise((done) => setTimeout(done, 1100))
  await expect(journal.append('b', 2)).rejects.toThrow('is gone (ENOENT)')
  await expect(journal.close()).rejects.toThrow('is gone')
})

test('a line that another program appends does not make it another file', async () => {
  const journal = await openJournal<number>({ path, header: 1, syncEvery: 1 })
  await appendFile(path, '')
  await journal.append('a', 1)
  await journal.close()
})
