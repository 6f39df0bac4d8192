import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { openJournal } from '../src/index.ts'
import { createKeyIndex } from '../src/journal-keys.ts'

/** An index whose lines are held here, by offset; 0 is the header. */
function toyIndex(keys: readonly string[]) {
  const asked: [number, string][] = []
  const index = createKeyIndex((offset, key) => {
    asked.push([offset, key])
    return keys[offset - 1] === key
  })
  keys.forEach((key, i) => index.add(key, i + 1))
  return { index, asked }
}

/** Two keys whose 64 bits of hash are equal, found by trying 30 million. */
const EQUAL_HASHES = ['k6033372a', 'k21855569\u0fac'] as const

describe('the index of keys', () => {
  test('finds every key and no other, over all sizes of the table', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `query:${i}`)
    const { index } = toyIndex(keys)
    expect(index.size).toBe(keys.length)
    expect(keys.every((key, i) => index.find(key) === i + 1)).toBe(true)
    expect(keys.some((key) => index.find(`${key}x`) !== undefined)).toBe(false)
    expect(index.offsets()).toEqual(Float64Array.from(keys, (_, i) => i + 1))
  })

  test('reads a line where the hashes are equal, and there alone', () => {
    const { index, asked } = toyIndex(['', 'a', 'b'])
    expect(asked).toEqual([])
    expect([index.find('c'), asked]).toEqual([undefined, []])
    expect([index.find('b'), asked]).toEqual([3, [[3, 'b']]])
  })

  test('keeps keys of equal hashes apart, here and in a journal', async () => {
    const [a, b] = EQUAL_HASHES
    const { index, asked } = toyIndex([a, b])
    expect(asked).toEqual([[1, b]])
    expect([index.find(a), index.find(b)]).toEqual([1, 2])

    const path = join(mkdtempSync(join(tmpdir(), 'keys-')), 'journal.jsonl')
    const journal = await openJournal({ path, header: {}, keepValues: false })
    await journal.append(a, 1)
    expect([journal.has(a), journal.has(b)]).toEqual([true, false])
    expect(await journal.append(b, 2)).toBe('written')
    await journal.close()
    const again = await openJournal({ path, header: {}, keepValues: false })
    expect([again.get(a), again.get(b), again.size, again.conflicts]).toEqual([1, 2, 2, 0])
    expect(await again.append(b, 3)).toBe('conflict')
    await again.close()
  })

  test('knows a key that another program spelled otherwise', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'keys-')), 'journal.jsonl')
    writeFileSync(path, '{"journal":1,"header":{}}\n{ "key": "\\u006b1", "value": 7 }\n')
    const journal = await openJournal({ path, header: {}, keepValues: false })
    expect([journal.has('k1'), journal.get('k1'), journal.has('k2')]).toEqual([true, 7, false])
    expect([...journal.entries()]).toEqual([['k1', 7]])
    await journal.close()
  })
})
