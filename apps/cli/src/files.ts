import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { hashFile, hashOf } from '@lever/durable-files'

export { FOLDER as BUNDLED, MODEL as BUNDLED_MODEL } from '@lever/shapes-vqa'
export { exists, makeFolderOf, requireNew, requirePath, writeNew } from '@lever/durable-files'

/** SHA-256 over the names and contents of all files under a folder. */
export async function hashFiles(folder: string): Promise<string> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const hashes: [string, string][] = []
  for (const path of paths) hashes.push([relative(folder, path), await hashFile(path)])
  return hashOf(hashes)
}
