declare module 'yauzl' {
  export interface Entry {
    fileName: string
    compressionMethod: number
    compressedSize: number
    uncompressedSize: number
    crc32: number
    relativeOffsetOfLocalHeader: number
    isEncrypted(): boolean
  }

  export interface ZipFile {
    readonly entryCount: number
    eachEntry(): AsyncIterableIterator<Entry>
    readLocalFileHeaderPromise(entry: Entry, options: { minimal: true }): Promise<{ fileDataStart: number }>
  }

  export interface Options {
    autoClose: boolean
    strictFileNames: boolean
  }

  export class RandomAccessReader {
    read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
      callback: (error: Error | null, bytesRead?: number) => void,
    ): void
  }

  export function fromRandomAccessReaderPromise(
    reader: RandomAccessReader,
    totalSize: number,
    options: Options,
  ): Promise<ZipFile>
}
