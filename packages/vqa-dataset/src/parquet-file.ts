import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as zlib from 'node:zlib'
import type * as Hyparquet from 'hyparquet'
import { InputError } from '@lever/durable-files'
import { UNPACK_VARIABLE, unpackLimit } from '@lever/json-text/node'

/** Rows of a parquet file, a row group at a time. Byte arrays that are not text stay bytes, integers may be bigint. */
export async function* readParquetRows(
  path: string,
  columns: readonly string[],
): AsyncGenerator<Record<string, unknown>[]> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await hyparquet()
  const refuse = (error: unknown): never => {
    throw new InputError(`vqa-dataset: ${path} cannot be read as parquet: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const file = await asyncBufferFromFile(path).catch(refuse)
  const metadata = await parquetMetadataAsync(file).catch(refuse)
  const there = parquetSchema(metadata).children.map(({ element }) => element.name)
  const wanted = columns.filter((name) => there.includes(name))
  if (!there.includes('question')) {
    throw new InputError(
      `vqa-dataset: ${path}: it has no column "question", only ${there.join(', ')}; give a VQA dataset in parquet`,
    )
  }
  let first = 0
  for (const { num_rows: count } of metadata.row_groups) {
    const end = first + Number(count)
    const range = { rowStart: first, rowEnd: end }
    yield await parquetReadObjects({
      file,
      metadata,
      columns: wanted,
      ...range,
      utf8: false,
      compressors: COMPRESSORS,
    }).catch(refuse)
    first = end
  }
}

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array

/** Those of Node beside the ones hyparquet has; zstd from Node 22.15 on. */
const COMPRESSORS: Hyparquet.Compressors = {
  GZIP: limited(zlib.gunzipSync),
  BROTLI: limited(zlib.brotliDecompressSync),
  ZSTD: 'zstdDecompressSync' in zlib ? limited(zlib.zstdDecompressSync as Decompress) : refuseZstd,
}

/** One page of a file may unpack to `unpackLimit()` bytes at most, whatever its header says. */
function limited(decompress: Decompress): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const maxOutputLength = unpackLimit()
    try {
      return decompress(bytes, { maxOutputLength })
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE') throw error
      throw new Error(
        `a page of it unpacks to more than ${maxOutputLength} bytes, the limit; if it should be that large, set ${UNPACK_VARIABLE}`,
        { cause: error },
      )
    }
  }
}

function refuseZstd(): never {
  throw new Error(
    `it is compressed with zstd, which needs Node 22.15 or later (this is ${process.version}); run that, or write the file again with another compression (pandas: to_parquet(path, compression="snappy"))`,
  )
}

async function hyparquet(): Promise<typeof Hyparquet> {
  try {
    return await import('hyparquet')
  } catch (error) {
    throw new InputError('vqa-dataset: parquet files need the package hyparquet; npm install hyparquet', {
      cause: error,
    })
  }
}

/**
 * The files that a path stands for: one with `*` or `?` for all that match, a shard (`train-00000-of-00003.parquet`, or
 * `0000.parquet` as the Hub's converter names them) for all of its set that are there, in order.
 */
export async function shardsOf(path: string): Promise<{ files: string[]; of: number }> {
  const [folder, name] = [dirname(path), basename(path)]
  const part = /^(.*)-\d{5}-of-(\d{5})(?:-[0-9a-f]+)?\.parquet$/.exec(name)
  const matches = /[*?]/.test(name)
    ? wildcard(name)
    : part !== null
      ? new RegExp(`^${escape(part[1]!)}-\\d{5}-of-${part[2]!}(-[0-9a-f]+)?\\.parquet$`)
      : /^\d{4}\.parquet$/.test(name)
        ? /^\d{4}\.parquet$/
        : null
  if (matches === null) return { files: [path], of: 1 }
  const names = await readdir(folder).catch((error: unknown) => {
    throw new InputError(`vqa-dataset: cannot read ${folder}: ${(error as Error).message}`, { cause: error })
  })
  const found = names.filter((one) => matches.test(one)).sort()
  if (found.length === 0) throw new InputError(`vqa-dataset: no file matches ${path}; check the path`)
  return { files: found.map((one) => join(folder, one)), of: part === null ? found.length : Number(part[2]) }
}

function wildcard(name: string): RegExp {
  return new RegExp(`^${escape(name).replaceAll('\\*', '.*').replaceAll('\\?', '.')}$`)
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
