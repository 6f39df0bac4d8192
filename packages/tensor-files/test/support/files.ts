import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from '@jest/globals'
import type { TensorEntry } from '../../src/index.ts'

/** Path of a file of the fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

const made: string[] = []

afterAll(async () => {
  await Promise.all(made.map((path) => rm(path, { recursive: true, force: true })))
})

/** A folder of its own, removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lever-tensor-'))
  made.push(path)
  return path
}

/** Type, shape and the exact bytes of a tensor, to compare bit for bit. */
export function bits({ dtype, shape, data }: TensorEntry): string {
  return `${dtype} [${shape.join(',')}] ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`
}

/** {@link bits} of every tensor, by name. */
export function allBits(tensors: ReadonlyMap<string, TensorEntry>): Record<string, string> {
  return Object.fromEntries(Array.from(tensors, ([name, entry]) => [name, bits(entry)]))
}
