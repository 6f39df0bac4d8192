import { connect } from 'node:net'
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { chunkOf } from './support/png.ts'
import { serve, type Started } from './support/serve.ts'
import { makeBundle } from './support/world.ts'

let started: Started
beforeAll(async () => {
  started = await serve(await makeBundle(40), { timeout: 0.1 })
})
afterAll(() => started.end())

/** What the server says to one who sends this and then nothing, and after how many seconds it hangs up. */
async function whenSilent(sent: string): Promise<{ said: string; seconds: number }> {
  const { hostname, port } = new URL(started.url)
  const begun = performance.now()
  const socket = connect(Number(port), hostname)
  socket.write(sent)
  let said = ''
  socket.on('data', (part: Buffer) => (said += part.toString()))
  await new Promise((done) => socket.once('close', done))
  return { said, seconds: (performance.now() - begun) / 1_000 }
}

test('a request that does not arrive within 30 s is answered with 408, and its connection closed', async () => {
  const head = 'POST /v1/select HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  const found = await Promise.all([
    whenSilent(`${head}content-length: 1000\r\n\r\n{"question":"wh`),
    whenSilent(head),
  ])
  for (const { said, seconds } of found) {
    expect(said).toMatch(/^HTTP\/1\.1 408 /)
    expect(seconds).toBeGreaterThan(29)
    expect(seconds).toBeLessThan(50)
  }
}, 90_000)

test('a choice that takes longer than the timeout is refused with 503, and others are answered', async () => {
  const image = `data:image/png;base64,${largePng(7_000).toString('base64')}`
  const response = await fetch(`${started.url}/v1/select`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image, question: 'what is it?' }),
  })
  expect([response.status, await response.text()]).toEqual([
    503,
    expect.stringContaining('choosing took longer than 0.1 s; ask again later'),
  ])
  expect((await fetch(`${started.url}/readyz`)).status).toBe(200)
  expect(await (await fetch(`${started.url}/metrics`)).text()).toContain('lever_requests_inside 0')
})

/** A black PNG, small as a file and slow to decode. */
function largePng(side: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunkOf('IHDR', header),
    chunkOf('IDAT', deflateSync(Buffer.alloc(side * (3 * side + 1)), { level: 1 })),
    chunkOf('IEND', Buffer.alloc(0)),
  ])
}
