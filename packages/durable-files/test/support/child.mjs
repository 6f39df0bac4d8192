// A second process for the tests: node child.mjs JOB PATH [NUMBER]
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { acquireLock, openJournal, writeFileAtomic } from '../../dist/index.js'

const [job, path, number] = process.argv.slice(2)
const say = (text) => writeSync(1, text + '\n')

const jobs = {
  async hold() {
    await openJournal({ path, header: 1 })
    say('held')
    setInterval(() => {}, 1000)
  },

  async append() {
    const journal = await openJournal({ path, header: 1, syncEvery: 8 })
    say(`open ${journal.resumed.lines} ${journal.resumed.tornBytes}`)
    for (let i = journal.size; ; i += 4) {
      const keys = [i, i + 1, i + 2, i + 3]
      await Promise.all(keys.map((k) => journal.append(`k${k}`, { k, text: 'x'.repeat(k % 2000) })))
      say(`k${i + 3}`)
    }
  },

  async appendUntilFull() {
    const journal = await openJournal({ path, header: 1 })
    let failed
    for (let i = 0; failed === undefined; i++) {
      try {
        await journal.append(`k${i}`, 'x'.repeat(300))
      } catch (error) {
        failed = { message: error.message, code: error.code ?? null, key: `k${i}`, has: journal.has(`k${i}`) }
      }
    }
    await journal.close()
    say(JSON.stringify(failed))
  },

  async replace() {
    const letters = 'abcdefghij'
    for (let i = 0; ; i++) {
      await writeFileAtomic(path, letters[i % 10].repeat(200_000))
      if (i === 0) say('started')
    }
  },

  async write() {
    await writeFileAtomic(path, 'x'.repeat(Number(number))).then(
      () => say('{}'),
      (error) => say(JSON.stringify({ message: error.message, code: error.code ?? null })),
    )
  },

  async count() {
    for (let done = 0; done < Number(number);) {
      let lock
      try {
        lock = await acquireLock(path)
      } catch (error) {
        if (error.code !== 'LEVER_INPUT') throw error
        continue
      }
      const value = Number(readFileSync(path, 'utf8'))
      closeSync(openSync(path, 'r'))
      writeFileSync(path, String(value + 1))
      await lock.release()
      done += 1
    }
  },
}

await jobs[job]()
