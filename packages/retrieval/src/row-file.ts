import { closeSync, openSync, readSync } from 'node:fs'
import { InputError } from '@lever/durable-files'
import { openSafetensors } from '@lever/tensor-files'

/** The rows of an embedding file, read one by one: memory does not grow with the file. */
export interface RowFile {
  /** Example id of every row. */
  readonly ids: readonly number[]
  /** D */
  readonly dim: number
  /** Copies rows `from` to `from + count` into `out`, [count, D]. */
  read(from: number, count: number, out: Float32Array): void
  close(): void
}

/**
 * Opens `embeddings` F32 [M, D] and `ids` I64 [M] of a safetensors file.
 *
 * @throws InputError if the file cannot be read, holds other tensors, or repeats an id
 */
export async function openRowFile(path: string): Promise<RowFile> {
  const refuse = (why: string): never => {
    throw new InputError(`retrieval: ${path}: ${why}; make the file with lever embed`)
  }
  const file = await openSafetensors(path)
  let ids: number[]
  const info = file.tensors.get('embeddings')
  try {
    const table = file.tensors.get('ids')
    if (info === undefined || table === undefined) return refuse('it needs the tensors embeddings and ids')
    if (info.dtype !== 'F32' || info.shape.length !== 2) {
      return refuse(`embeddings is ${info.dtype} [${info.shape.join(', ')}], not F32 [M, D]`)
    }
    if (table.dtype !== 'I64' || table.shape.length !== 1 || table.shape[0] !== info.shape[0]) {
      return refuse(`ids is ${table.dtype} [${table.shape.join(', ')}], not I64 [${info.shape[0]!}]`)
    }
    ids = Array.from((await file.read('ids')).data as BigInt64Array, Number)
  } finally {
    await file.close()
  }
  const repeated = firstRepeated(ids)
  if (repeated !== undefined) return refuse(`id ${repeated} has two rows`)
  return openRows(path, info.start, info.shape[1]!, ids)
}

function openRows(path: string, start: number, dim: number, ids: readonly number[]): RowFile {
  const handle = openSync(path, 'r')
  const length = new DataView(new ArrayBuffer(8))
  readSync(handle, length, 0, 8, 0)
  const first = 8 + Number(length.getBigUint64(0, true)) + start
  return {
    ids,
    dim,
    read(from, count, out) {
      const bytes = new Uint8Array(out.buffer, out.byteOffset, count * dim * 4)
      for (let done = 0; done < bytes.length;) {
        const read = readSync(handle, bytes, done, bytes.length - done, first + from * dim * 4 + done)
        if (read === 0) throw new Error(`retrieval: ${path} became shorter while it was in use`)
        done += read
      }
    },
    close: () => closeSync(handle),
  }
}

function firstRepeated(ids: readonly number[]): number | undefined {
  const seen = new Set<number>()
  return ids.find((id) => seen.size === seen.add(id).size)
}
