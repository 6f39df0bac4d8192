// @ts-expect-error: yauzl has no types of its own
import * as untyped from 'yauzl'

/** An entry of the directory of a zip file. */
export interface Entry {
  readonly fileName: string
  readonly compressionMethod: number
  readonly compressedSize: number
  readonly uncompressedSize: number
  readonly crc32: number
  readonly relativeOffsetOfLocalHeader: number
  isEncrypted(): boolean
}

export interface ZipFile {
  eachEntry(): AsyncIterableIterator<Entry>
  readLocalFileHeaderPromise(entry: Entry, options: { minimal: true }): Promise<{ fileDataStart: number }>
}

/** What yauzl reads through. */
interface Reader {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void
}

interface Yauzl {
  RandomAccessReader: new () => Reader
  fromRandomAccessReaderPromise(
    reader: Reader,
    totalSize: number,
    options: { autoClose: boolean; strictFileNames: boolean },
  ): Promise<ZipFile>
}

/** The parts of yauzl that are used here. */
export const yauzl: Yauzl = untyped as Yauzl
