import type { ZipEntry } from './zip.ts'
import { makeZip } from './zip.ts'

/** The entries of a file of torch.save, to build it again with another pickle. */
export function rezip(file: Buffer): { pickle: Buffer; build: (pickle: Buffer) => Buffer } {
  const entries = readStored(file)
  const at = entries.findIndex(({ name }) => name.endsWith('/data.pkl'))
  return {
    pickle: Buffer.from(entries[at]!.data),
    build: (pickle) => makeZip(entries.map((entry, i) => (i === at ? { ...entry, data: pickle } : entry))),
  }
}

/** Reads the directory of a good archive without checks. */
function readStored(file: Buffer): ZipEntry[] {
  const entries: ZipEntry[] = []
  const end = file.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  let at = file.readUInt32LE(end + 16)
  for (let left = file.readUInt16LE(end + 10); left > 0; left--) {
    const size = file.readUInt32LE(at + 24)
    const nameLength = file.readUInt16LE(at + 28)
    const name = file.toString('utf8', at + 46, at + 46 + nameLength)
    const local = file.readUInt32LE(at + 42)
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28)
    entries.push({ name, data: file.subarray(start, start + size) })
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32)
  }
  return entries
}
