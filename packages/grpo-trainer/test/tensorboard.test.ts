import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { crc32c, eventOf, frameRecord, openEventFile } from '../src/tensorboard.ts'
import { runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lever-events-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Event {
  time: number
  step: number
  version?: string
  scalars: Record<string, number>
}

function decodeEvent(data: Uint8Array): Event {
  const reader = new BinaryReader(data)
  const event: Event = { time: NaN, step: NaN, scalars: {} }
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1) event.time = reader.double()
    else if (field === 2) event.step = Number(reader.int64())
    else if (field === 3) event.version = reader.string()
    else if (field === 5) {
      const summary = new BinaryReader(reader.bytes())
      while (summary.pos < summary.len) {
        expect(summary.tag()).toEqual([1, WireType.LengthDelimited])
        const value = new BinaryReader(summary.bytes())
        expect(value.tag()).toEqual([1, WireType.LengthDelimited])
        const tag = value.string()
        expect(value.tag()).toEqual([2, WireType.Bit32])
        event.scalars[tag] = value.float()
      }
    } else reader.skip(type)
  }
  return event
}

/** Every event of a file; checksums are compared as a reader of TFRecord does. */
function decodeFile(bytes: Buffer): Event[] {
  const events: Event[] = []
  const unmask = (masked: number): number => {
    const rotated = (masked - 0xa282ead8) >>> 0
    return ((rotated >>> 17) | (rotated << 15)) >>> 0
  }
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at))
    expect(unmask(bytes.readUInt32LE(at + 8))).toBe(crc32c(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + length)
    expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(crc32c(data))
    events.push(decodeEvent(data))
    at += length + 16
  }
  return events
}

test.each([
  ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(), 0],
])('CRC-32C of %s (RFC 3720, appendix B.4)', (_name, data, crc) => {
  expect(crc32c(data)).toBe(crc)
})

test('a record has the bytes that the writer of TensorBoard 2 gives', () => {
  const version = Buffer.from('1a0d627261696e2e4576656e743a32', 'hex')
  expect(frameRecord(version).toString('hex')).toBe(
    '0f000000000000006d532b091a0d627261696e2e4576656e743a32fc985129',
  )
})

test('rows of the log as events', async () => {
  const rows = [
    { event: 'audit', queries: 4 },
    { event: 'validation', phase: 'rce', step: 0, epoch: 0, best: true, 'eval/reward': 0.5 },
    { phase: 'rce', step: 70_000, epoch: 0.5, loss: -1.25, 'clip_ratio/low_mean': 0 },
  ]
  const path = join(folder, 'rows')
  const file = await openEventFile(path, rows.slice(0, 2))
  await file.append(rows.slice(2))
  await file.close()
  expect(decodeFile(await readFile(path))).toEqual([
    { time: 0, step: 0, version: 'brain.Event:2', scalars: {} },
    { time: 0, step: 0, scalars: { 'eval/epoch': 0, 'eval/reward': 0.5 } },
    {
      time: 70_000,
      step: 70_000,
      scalars: { 'train/epoch': 0.5, 'train/loss': -1.25, 'train/clip_ratio/low_mean': 0 },
    },
  ])
  expect(eventOf(rows[0]!)).toBeUndefined()
})

test('a training that is interrupted, or asks for the file only later, has every step once', async () => {
  const data = makeWorld({ queries: 12, validation: 6, pool: 6, pointers: 4 })
  const output = join(folder, 'run')
  const options = {
    ...{ model: smallModel(), data, output, chunk: 1 },
    phases: [{ objective: 'rce' as const, epochs: 2, batchSize: 4 }],
  }
  const controller = new AbortController()
  await runAll({ ...options, signal: controller.signal }, (event) => {
    if (event.type === 'step' && event.step >= 2) controller.abort()
  })
  await runAll({ ...options, tensorboard: true })
  const events = decodeFile(await readFile(join(output, 'tensorboard', 'events.out.tfevents.0.lever')))
  const steps = events.flatMap(({ step, scalars }) => ('train/loss' in scalars ? [step] : []))
  expect(steps).toEqual([1, 2, 3, 4, 5, 6])
  expect(events.filter(({ scalars }) => 'eval/reward' in scalars).map(({ step }) => step)).toEqual([0, 3, 6])
})
