import { crc32 } from 'node:zlib'
import { isInputError } from '@lever/durable-files'
import type { Budget } from './budget.ts'
import { CONTAINER_BYTES } from './budget.ts'
import { fileError } from './errors.ts'
import type { Source } from './source.ts'
import type { Entry, ZipFile } from './yauzl.ts'
import { yauzl } from './yauzl.ts'
import { SourceReader } from './zip-reader.ts'

/** A zip archive as PyTorch writes them: one folder, every entry stored without compression. */
export interface Archive {
  /** Size of an entry, by its name inside the folder; undefined if there is none. */
  size(name: string): number | undefined
  /**
   * Bytes of an entry in a buffer of their own, checked against their CRC-32.
   * @throws InputError if there is no such entry, it overlaps another one, or it is damaged
   */
  read(name: string): Promise<Uint8Array>
}

/**
 * Reads the directory of an archive.
 *
 * @throws InputError for TorchScript programs, and for what torch.save never writes: compressed entries (so that a small file cannot
 * unpack into a large one), encrypted ones, names with `..`, absolute names, repeated names, more
 * than one folder
 */
export async function openArchive(source: Source, budget: Budget): Promise<Archive> {
  const { name } = source
  const damaged = (error: unknown): never => {
    throw fileError(name, `its zip directory is damaged: ${(error as Error).message}`, error)
  }
  const options = { autoClose: false, strictFileNames: true }
  const zip = await yauzl
    .fromRandomAccessReaderPromise(new SourceReader(source), source.size, options)
    .catch(damaged)
  const entries = new Map<string, Entry>()
  try {
    for await (const entry of zip.eachEntry()) {
      budget.spend(4 * CONTAINER_BYTES)
      checkEntry(entry, entries, name)
      entries.set(entry.fileName, entry)
    }
  } catch (error) {
    if (isInputError(error)) throw error
    damaged(error)
  }
  const folder = findFolder([...entries.keys()], name)
  if (entries.has(`${folder}constants.pkl`)) {
    throw fileError(name, 'it is a TorchScript program; save model.state_dict() with torch.save')
  }
  for (const entry of entries.values()) refuseCompressed(entry, name)
  const limits = findLimits(entries.values(), source.size)
  return {
    size: (path) => entries.get(folder + path)?.uncompressedSize,
    async read(path) {
      const entry = entries.get(folder + path)
      if (entry === undefined) throw fileError(name, `the entry ${path} is missing; the file is damaged`)
      const start = await dataStart(zip, entry).catch(damaged)
      if (start + entry.uncompressedSize > limits.get(entry)!) {
        throw fileError(
          name,
          `the entry ${path} overlaps another one; the file is damaged or made to do harm`,
        )
      }
      const bytes = await source.read(start, entry.uncompressedSize)
      if (entry.crc32 !== 0 && crc32(bytes) !== entry.crc32) {
        throw fileError(name, `the entry ${path} does not match its checksum; the file is damaged`)
      }
      return bytes
    },
  }
}

async function dataStart(zip: ZipFile, entry: Entry): Promise<number> {
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
  return fileDataStart
}

function checkEntry(entry: Entry, before: ReadonlyMap<string, Entry>, name: string): void {
  const shown = JSON.stringify(entry.fileName.slice(0, 120))
  if (before.has(entry.fileName))
    throw fileError(name, `the entry ${shown} appears twice; the file is damaged`)
  if (entry.isEncrypted())
    throw fileError(name, `the entry ${shown} is encrypted; save the file with torch.save`)
}

function refuseCompressed(entry: Entry, name: string): void {
  if (entry.compressionMethod === 0) return
  const { fileName, compressedSize, uncompressedSize } = entry
  const shown = JSON.stringify(fileName.slice(0, 120))
  throw fileError(
    name,
    `the entry ${shown} is compressed (${compressedSize} to ${uncompressedSize} bytes); torch.save never compresses, save the file with it`,
  )
}

/** Where the next entry begins: an entry must end before. */
function findLimits(entries: Iterable<Entry>, fileSize: number): Map<Entry, number> {
  const sorted = [...entries].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader)
  return new Map(sorted.map((entry, i) => [entry, sorted[i + 1]?.relativeOffsetOfLocalHeader ?? fileSize]))
}

function findFolder(names: readonly string[], name: string): string {
  const folder = /^[^/]+\//.exec(names[0] ?? '')?.[0]
  if (folder === undefined || names.some((each) => !each.startsWith(folder))) {
    throw fileError(name, 'its entries are not in one folder; it is a zip file, but not one of torch.save')
  }
  return folder
}
