import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A row of `metrics.jsonl`. */
type Row = Readonly<Record<string, unknown>>

/** An event file of TensorBoard. */
export interface EventFile {
  append(rows: readonly Row[]): Promise<void>
  close(): Promise<void>
}

/**
 * Writes an event file of TensorBoard anew from the rows of a log, and appends to it. The bytes follow from the rows alone, so
 * a training that was interrupted has no step twice and ends with the same file. For that the time of an event is its step,
 * in seconds.
 */
export async function openEventFile(path: string, rows: readonly Row[]): Promise<EventFile> {
  await mkdir(dirname(path), { recursive: true })
  const handle = await open(path, 'w')
  const append = async (more: readonly Row[]): Promise<void> => {
    const records = more.flatMap((row) => eventOf(row) ?? []).map(frameRecord)
    if (records.length > 0) await handle.appendFile(Buffer.concat(records))
  }
  await handle.appendFile(frameRecord(encodeEvent({ step: 0, version: 'brain.Event:2' })))
  await append(rows)
  return { append, close: () => handle.close() }
}

/** The event of a row: steps as `train/NAME`, validations as `eval/NAME`; undefined for the audit. */
export function eventOf({ event, step, ...rest }: Row): Uint8Array | undefined {
  if (event === 'audit' || typeof step !== 'number') return undefined
  const prefix = event === 'validation' ? 'eval' : 'train'
  const scalars = Object.entries(rest).flatMap(([name, value]) =>
    typeof value === 'number' ? [[`${prefix}/${name.replace(/^eval\//, '')}`, value] as const] : [],
  )
  return encodeEvent({ step, scalars: scalars.sort(([a], [b]) => (a < b ? -1 : 1)) })
}

/**
 * A `tensorflow.Event`: 1 wall_time, 2 step, 3 file_version or 5 summary; a summary has values (1), each with tag (1) and
 * simple_value (2).
 */
function encodeEvent({
  step,
  version,
  scalars = [],
}: {
  step: number
  version?: string
  scalars?: readonly (readonly [tag: string, value: number])[]
}): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Bit64).double(step)
  writer.tag(2, WireType.Varint).int64(step)
  if (version !== undefined) writer.tag(3, WireType.LengthDelimited).string(version)
  if (scalars.length > 0) {
    writer.tag(5, WireType.LengthDelimited).fork()
    for (const [tag, value] of scalars) {
      writer.tag(1, WireType.LengthDelimited).fork()
      writer.tag(1, WireType.LengthDelimited).string(tag)
      writer.tag(2, WireType.Bit32).float(value)
      writer.join()
    }
    writer.join()
  }
  return writer.finish()
}

/** A TFRecord: length (8 bytes), its checksum, the data, its checksum; little-endian. */
export function frameRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16)
  record.writeBigUInt64LE(BigInt(data.length), 0)
  record.writeUInt32LE(maskedChecksum(record.subarray(0, 8)), 8)
  record.set(data, 12)
  record.writeUInt32LE(maskedChecksum(data), data.length + 12)
  return record
}

/** CRC-32C, rotated by 15 bits, plus a constant, as TFRecord stores it. */
function maskedChecksum(data: Uint8Array): number {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
