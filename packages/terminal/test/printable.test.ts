import { describe, expect, test } from '@jest/globals'
import { formatTable, printable, printableJson, printableLine } from '../src/index.ts'

const HOSTILE = 'a\x1b[2J\x07\r\n\tb\x9b31m\u202ec\u2028d\x7f'
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]/

describe('what is printed', () => {
  test('holds nothing that a terminal would obey', () => {
    expect(printable(HOSTILE)).toBe('a\\x1b[2J\\x07\\r\n\tb\\x9b31m\\u202ec\\u2028d\\x7f')
    expect(printableLine(HOSTILE)).toBe('a\\x1b[2J\\x07\\r\\n\\tb\\x9b31m\\u202ec\\u2028d\\x7f')
    expect(printable('Zürich, 東京, 👩‍👩‍👧, naïve')).toBe('Zürich, 東京, 👩‍👩‍👧, naïve')
  })

  test('as JSON reads as the same value', () => {
    const json = printableJson({ [HOSTILE]: [HOSTILE] })
    expect(json).not.toMatch(OBEYED)
    expect(JSON.parse(json)).toEqual({ [HOSTILE]: [HOSTILE] })
  })

  test('stands in tables by its width on a terminal', () => {
    const table = formatTable([
      ['name', '1'],
      ['東京', '22'],
      ['a\x1b[31m\nb', '333'],
    ])
    expect(table).toBe('name            1\n東京           22\na\\x1b[31m\\nb  333')
  })
})
