import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, hashFile, InputError, requirePath } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { BUNDLE_FILES, parseManifest, type BundleManifest } from './manifest.ts'

/** Whether the files of a bundle are hashed. */
export interface CheckOptions {
  /** Compare sizes only, not every byte. Default false. */
  readonly trusted?: boolean
}

export const CHECK_OPTIONS: OptionNames<CheckOptions> = { trusted: true }

/**
 * Reads the manifest of a bundle and compares its files with it. Images and thumbnails are looked at when they are used.
 * @throws InputError naming the file that is missing, or is not the one that the bundle was made with
 */
export async function checkBundle(folder: string, options: CheckOptions = {}): Promise<BundleManifest> {
  refuseUnknownOptions(options, CHECK_OPTIONS, 'selector: checkBundle')
  const { trusted = false } = options
  await requirePath(folder, '--bundle', 'folder')
  const path = join(folder, BUNDLE_FILES.manifest)
  if (!(await exists(path))) {
    throw new InputError(
      `selector: ${folder} is not a bundle: it has no ${BUNDLE_FILES.manifest}; make one with lever bundle`,
    )
  }
  const manifest = parseManifest(await readFile(path, 'utf8'), path)
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const file = join(folder, name)
    const found = await stat(file).catch(() => undefined)
    if (found === undefined) throw damaged(file, 'is missing')
    if (found.size !== bytes) throw damaged(file, `has ${found.size} bytes, and the manifest says ${bytes}`)
    if (!trusted && (await hashFile(file)) !== sha256)
      throw damaged(file, 'has another SHA-256 than the manifest says')
  }
  return manifest
}

function damaged(file: string, why: string): InputError {
  return new InputError(
    `selector: ${file} ${why}: the bundle is damaged, or was changed by hand; copy it again, or make it again (lever bundle)`,
  )
}
