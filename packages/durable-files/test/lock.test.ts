import { readdir, rm, writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, test } from '@jest/globals'
import { acquireLock, openJournal } from '../src/index.ts'
import { processPlace, processStart } from '../src/process-identity.ts'
import { startChild } from './support/child.ts'
import { temporaryFolder } from './support/temporary.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await temporaryFolder()
  path = join(folder, 'outcomes.jsonl')
})

const lockName = (pid: number, start: string, place: string): string =>
  `${path}.lock-${pid}-${start}-${place}-00000000`

test('a second process is refused, naming the first', async () => {
  const child = startChild('hold', path)
  expect(await child.next()).toBe('held')
  const opening = openJournal({ path, header: 1 })
  await expect(opening).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  await expect(opening).rejects.toThrow(`is being written by process ${child.process.pid!} on `)
  child.process.kill('SIGSTOP')
  await expect(openJournal({ path, header: 1 })).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  await child.kill()
  const journal = await openJournal({ path, header: 1 })
  await journal.append('a', 1)
  await journal.close()
  expect(await readdir(folder)).toEqual(['outcomes.jsonl'])
})

test('the same process is refused a second time, and may open after close', async () => {
  const journal = await openJournal({ path, header: 1 })
  await expect(openJournal({ path, header: 1 })).rejects.toThrow(`process ${process.pid}`)
  await journal.close()
  await (await openJournal({ path, header: 1 })).close()
})

test('a lock whose process id now belongs to another process is removed', async () => {
  await writeFile(lockName(process.pid, '1', processPlace()), '')
  await writeFile(lockName(1, '999999999', processPlace()), '')
  await (await acquireLock(path)).release()
  expect(await readdir(folder)).toEqual([])
})

test('a lock of this process id and start is alive', async () => {
  const name = lockName(process.pid, processStart(process.pid)!, processPlace())
  await writeFile(name, '{"host":"here"}')
  await expect(acquireLock(path)).rejects.toThrow(`process ${process.pid} on here`)
  expect(await readdir(folder)).toHaveLength(1)
})

test('a lock of another machine is abandoned when it stands still', async () => {
  await writeFile(lockName(7, '7', 'aaaaaaaaaaaa'), '{"host":"there","beat":1}')
  const lock = await acquireLock(path, { watchMs: 100 })
  expect(await readdir(folder)).toHaveLength(1)
  await lock.release()
  expect(await readdir(folder)).toEqual([])
})

test('a lock of another machine is alive while it beats', async () => {
  const name = lockName(7, '7', 'aaaaaaaaaaaa')
  const stop = new AbortController()
  await writeFile(name, '{"host":"there","beat":0}')
  const beating = (async () => {
    for (let beat = 1; !stop.signal.aborted; beat = (beat + 1) % 10) {
      await writeFile(name, `{"host":"there","beat":${beat}}`, { flag: 'r+' })
      await sleep(20)
    }
  })()
  await expect(acquireLock(path, { watchMs: 1000 })).rejects.toThrow('process 7 on there')
  stop.abort()
  await beating
  expect(await readdir(folder)).toHaveLength(1)
})

test('a holder rewrites its lock, and notices that it was taken over', async () => {
  const journal = await openJournal({ path, header: 1, lock: { beatMs: 20, watchMs: 100 } })
  const name = (await readdir(folder)).find((each) => each.includes('.lock-'))!
  const before = await readFile(join(folder, name), 'utf8')
  for (let i = 0; i < 500 && (await readFile(join(folder, name), 'utf8')) === before; i++) await sleep(10)
  expect(await readFile(join(folder, name), 'utf8')).not.toBe(before)
  await journal.append('a', 1)
  await rm(join(folder, name))
  await sleep(100)
  await expect(journal.append('b', 2)).rejects.toThrow('is gone: it was taken over')
  expect(journal.has('b')).toBe(false)
  await journal.close()
})

test('a holder that slept does not write before it has looked at its lock', async () => {
  const lock = await acquireLock(path, { beatMs: 1_000_000, watchMs: 100 })
  await lock.check()
  const [name] = await readdir(folder)
  await rm(join(folder, name!))
  await sleep(60)
  await expect(lock.check()).rejects.toThrow('is gone: it was taken over')
  await lock.release()
})

test('contenders in several processes never hold it together', async () => {
  await writeFile(path, '0')
  const children = [1, 2, 3].map(() => startChild('count', path, 15))
  await Promise.all(children.map((child) => child.ended))
  expect(await readFile(path, 'utf8')).toBe('45')
  expect(await readdir(folder)).toEqual(['outcomes.jsonl'])
})
