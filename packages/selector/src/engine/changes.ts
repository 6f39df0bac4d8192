import { join } from 'node:path'
import { exists, hashOf, InputError, openJournal, readJournal, type Journal } from '@lever/durable-files'
import { BUNDLE_FILES, type BundleManifest } from '../bundle/manifest.ts'
import type { LibraryExample } from '../bundle/library-file.ts'

/** What happened to a library since its bundle was made; the row is base64 of little-endian F32. */
export type Change = { readonly add: LibraryExample; readonly row: string } | { readonly remove: number }

/** The changes of a bundle, in order. */
export interface Changes {
  readonly before: readonly Change[]
  /** Resolves when the change is on disk. */
  append(change: Change): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the journal of a bundle: writable by one process at a time, readable by all.
 * @throws InputError if another process has it open for writing, or it is that of another bundle
 */
export async function openChanges(
  folder: string,
  manifest: BundleManifest,
  writable: boolean,
): Promise<Changes> {
  const path = join(folder, BUNDLE_FILES.changes)
  const header = {
    changes: 1,
    library: manifest.files[BUNDLE_FILES.library]!.sha256,
    embeddings: manifest.files[BUNDLE_FILES.embeddings]!.sha256,
  }
  const before: Change[] = []
  if (!writable) {
    if (await exists(path)) {
      const { header: found, entries } = await readJournal<Change>(path)
      if (hashOf(found) !== hashOf(header)) throw otherBundle(path)
      for (const { value } of entries) before.push(value)
    }
    return {
      before,
      append: () => Promise.reject(new Error('selector: the bundle was opened for reading only')),
      close: () => Promise.resolve(),
    }
  }
  let last = 0
  const journal: Journal<Change> = await openJournal<Change>({
    path,
    header,
    syncEvery: 1,
    keepValues: false,
    explain: () => MADE_AGAIN,
    onLine(key, value) {
      last = Math.max(last, Number(key))
      before.push(value)
    },
  })
  return {
    before,
    async append(change) {
      last += 1
      await journal.append(String(last), change)
    },
    close: () => journal.close(),
  }
}

const MADE_AGAIN = 'the bundle was made again since; move the file away to start from the bundle as it is'

function otherBundle(path: string): InputError {
  return new InputError(`selector: ${path} belongs to another bundle: ${MADE_AGAIN}`)
}

export function encodeRow(row: Float32Array): string {
  return Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('base64')
}

export function decodeRow(row: string): Float32Array {
  const bytes = Buffer.from(row, 'base64')
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
