import { crc32 } from 'node:zlib'

export interface ZipEntry {
  name: string
  data: Uint8Array
  /** Overrides, to write wrong archives. */
  method?: number
  size?: number
  crc?: number
  flags?: number
  /** Point to the data of the entry with this index instead of writing any. */
  sameAs?: number
}

/** A zip archive of stored entries, without zip64. */
export function makeZip(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = []
  const offsets: number[] = []
  let at = 0
  for (const entry of entries) {
    offsets.push(entry.sameAs === undefined ? at : offsets[entry.sameAs]!)
    if (entry.sameAs !== undefined) continue
    const header = Buffer.alloc(30)
    header.writeUInt32LE(0x04034b50, 0)
    common(entry).copy(header, 4)
    const part = Buffer.concat([header, Buffer.from(entry.name), entry.data])
    parts.push(part)
    at += part.length
  }
  const start = at
  for (const [i, entry] of entries.entries()) {
    const record = Buffer.alloc(46)
    record.writeUInt32LE(0x02014b50, 0)
    common(entry).copy(record, 6)
    record.writeUInt32LE(offsets[i]!, 42)
    const part = Buffer.concat([record, Buffer.from(entry.name)])
    parts.push(part)
    at += part.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(at - start, 12)
  end.writeUInt32LE(start, 16)
  return Buffer.concat([...parts, end])
}

/** Version, flags, method, time, date, CRC, sizes, length of the name: the same in both headers. */
function common({
  name,
  data,
  method = 0,
  size = data.length,
  crc = crc32(data),
  flags = 0,
}: ZipEntry): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(flags, 2)
  fields.writeUInt16LE(method, 4)
  fields.writeUInt32LE(crc, 10)
  fields.writeUInt32LE(method === 0 ? size : data.length, 14)
  fields.writeUInt32LE(size, 18)
  fields.writeUInt16LE(Buffer.byteLength(name), 22)
  return fields
}
