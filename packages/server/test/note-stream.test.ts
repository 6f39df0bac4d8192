import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { noteStream } from '../src/chat/note-stream.ts'

const lever = { selector: 'policy', demonstrations: [] }

/** What comes of a stream that arrives in pieces of so many bytes. */
async function noted(stream: string, size: number): Promise<string> {
  const bytes = Buffer.from(stream)
  const through = noteStream(lever)
  const all = text(through)
  for (let at = 0; at < bytes.length; at += size) through.write(bytes.subarray(at, at + size))
  through.end()
  return all
}

const note = JSON.stringify(lever)

test.each([
  [
    'the first event alone',
    'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    `data: {"a":1,"lever":${note}}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n`,
  ],
  [
    'after comments and with other line ends and fields',
    ': ping\r\n\r\nevent: chunk\r\ndata:{"a":"é"}\r\n\r\ndata: {}\r\n\r\n',
    `: ping\r\n\r\nevent: chunk\r\ndata: {"a":"é","lever":${note}}\r\n\r\ndata: {}\r\n\r\n`,
  ],
  ['none where there is no object', 'data: [DONE]\n\ndata: {"a":1}\n\n', 'data: [DONE]\n\ndata: {"a":1}\n\n'],
  ['none of an event that is cut off', 'data: {"a":1', 'data: {"a":1'],
  ['none of what is no stream of events', 'hello', 'hello'],
  ['nothing of nothing', '', ''],
])('%s, whatever the pieces', async (_, stream, wanted) => {
  for (const size of [1, 3, 7, 10_000]) expect(await noted(stream, size)).toBe(wanted)
})

test('a very large first event passes as it is', async () => {
  const stream = `data: {"a":"${'x'.repeat(2 ** 21)}"}\n\n`
  expect(await noted(stream, 65_536)).toBe(stream)
})
