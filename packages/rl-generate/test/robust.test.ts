import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { mergeShards, type AnswerFunction } from '../src/index.ts'
import {
  collect,
  examples,
  freshPath,
  linesOf,
  measure,
  scripted,
  sortedText,
  toyOptions,
} from './scripted.ts'

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url))
const asRoot = process.getuid?.() === 0

/** Runs the generation of `child.mjs` in a shell that can be limited first. */
function generate(journal: string, { before = '', uid }: { before?: string; uid?: number } = {}) {
  const script = `${before} exec "$0" "$@"`
  const ran = spawnSync('bash', ['-c', script, process.execPath, CHILD, journal, '2'], {
    ...(uid !== undefined && { uid, gid: uid }),
  })
  return { code: ran.status, stdout: ran.stdout.toString(), stderr: ran.stderr.toString() }
}

describe('a disk without room', () => {
  test('ends the run with what to do; after that is done the same call continues', () => {
    const [whole, path] = [freshPath(), freshPath()]
    expect(generate(whole).code).toBe(0)
    const full = generate(path, { before: "trap '' XFSZ; ulimit -f 100;" })
    expect(full.code).toBe(1)
    expect(full.stderr).toMatch(
      /cannot append to .*rl\.jsonl \(EFBIG\).*raise it.*run the same command again/,
    )
    const kept = readFileSync(path, 'utf8')
    expect(kept.endsWith('\n')).toBe(true)
    const said = Number(/outcomes (\d+)(?![^]*outcomes)/.exec(full.stdout)![1])
    const again = generate(path)
    expect(again.code).toBe(0)
    const resumed = Number(/start (\d+)/.exec(again.stdout)![1])
    expect(resumed).toBeGreaterThanOrEqual(said)
    expect(resumed).toBeGreaterThan(50)
    expect(readFileSync(path, 'utf8').startsWith(kept)).toBe(true)
    expect(sortedText(path)).toBe(sortedText(whole))
  })
})

describe('a folder that may not be written', () => {
  test('is refused before the model is asked', () => {
    const folder = mkdtempSync(join(tmpdir(), 'readonly-'))
    chmodSync(folder, 0o555)
    const { code, stdout, stderr } = generate(join(folder, 'rl.jsonl'), asRoot ? { uid: 65_534 } : {})
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/InputError: .*rl\.jsonl \(EACCES\): it may not be written; check its permissions/)
  })
})

describe('a clock that jumps', () => {
  test('changes neither lines nor counts, and no figure becomes NaN', async () => {
    const [whole, path] = [freshPath(), freshPath()]
    await measure(toyOptions(whole))
    let tick = 0
    const now = (): number => [0, 5_000, -86_400_000, 3, 1e12][(tick += 1) % 5]!
    const date = Date.now
    Date.now = now
    try {
      const events = await collect(toyOptions(path, { now, progressEvery: 0, concurrency: 2 }))
      for (const event of events) {
        if (event.type !== 'progress') continue
        expect(event.outcomesPerSecond).toBeGreaterThanOrEqual(0)
        expect(event.secondsLeft ?? 0).toBeGreaterThanOrEqual(0)
      }
      expect(events.at(-1)).toMatchObject({ statistics: { outcomes: 240, measured: 240 } })
    } finally {
      Date.now = date
    }
    expect(sortedText(path)).toBe(sortedText(whole))
  })
})

describe('an image that goes away in the middle', () => {
  test('is named, all else is kept, and the run continues once it is back', async () => {
    const [whole, path] = [freshPath(), freshPath()]
    await measure(toyOptions(whole))
    const image = join(mkdtempSync(join(tmpdir(), 'images-')), '9.png')
    writeFileSync(image, 'pixels')
    const queries = toyOptions(path).queries.map((query) => (query.id === 9 ? { ...query, image } : query))
    let calls = 0
    const answer: AnswerFunction = async (prompts, options) => {
      calls += 1
      if (calls === 5) renameSync(image, `${image}.away`)
      const answers = await scripted(prompts, options)
      return answers.map((one, i) => (prompts[i]!.query.id === 9 ? readable(image, one) : one))
    }
    await expect(measure(toyOptions(path, { queries, answer }))).rejects.toThrow(
      /query 9 with pointer \[\d+, \d+\] could not be measured: cannot read .*9\.png; repair it and run the same command again/,
    )
    const kept = linesOf(path).length
    expect(kept).toBeGreaterThan(30)
    renameSync(`${image}.away`, image)
    const statistics = await measure(toyOptions(path, { queries, answer }))
    expect(statistics.outcomes).toBe(240)
    expect(sortedText(path)).toBe(sortedText(whole))
  })

  function readable<A>(path: string, answer: A): A | { text: string; error: string } {
    try {
      accessSync(path)
      return answer
    } catch {
      return { text: '', error: `cannot read ${path}` }
    }
  }
})

describe('a corrupt line in the middle', () => {
  test('is named, the file is left as it is, and without the line its outcome is measured again', async () => {
    const [whole, path] = [freshPath(), freshPath()]
    await measure(toyOptions(whole))
    await measure(toyOptions(path))
    const lines = readFileSync(path, 'utf8').split('\n')
    const at = lines.findIndex((line, i) => i > 30 && !line.includes('"query:'))
    const broken = lines.with(at, lines[at]!.replace('"', ''))
    writeFileSync(path, broken.join('\n'))
    await expect(measure(toyOptions(path))).rejects.toThrow(
      new RegExp(`line ${at + 1}: it is not JSON; restore the file from a copy, or delete this line`),
    )
    expect(readFileSync(path, 'utf8')).toBe(broken.join('\n'))
    writeFileSync(path, broken.toSpliced(at, 1).join('\n'))
    expect(await measure(toyOptions(path))).toMatchObject({ resumed: 239, measured: 1 })
    expect(sortedText(path)).toBe(sortedText(whole))
  })

  test('of a shard stops a merge, which writes nothing', async () => {
    const [shard, out] = [freshPath(), freshPath()]
    await measure(toyOptions(shard, { shard: { index: 0, count: 1 }, queries: examples.slice(0, 4) }))
    const lines = readFileSync(shard, 'utf8').split('\n')
    writeFileSync(shard, lines.with(10, '\0'.repeat(80)).join('\n'))
    await expect(mergeShards({ paths: [shard], out })).rejects.toThrow(/rl\.jsonl, line 11: it is not JSON/)
    expect(() => readFileSync(out)).toThrow(/ENOENT/)
  })
})
