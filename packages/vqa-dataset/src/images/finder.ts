import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '@lever/durable-files'
import { createImageCheck } from './check-path.ts'
import { cocoSplits, splitNames } from '../splits.ts'

/**
 * Absolute path of an image by its id, or by the path that the dataset gives; undefined when it is not there. `name`
 * begins the message of an error: which row names the image.
 * @throws InputError if it is not a regular file, or lies outside the folders of the dataset
 */
export type ImageFinder = (
  id: number | string,
  given: string | undefined,
  name: () => string,
) => string | undefined

export interface ImagePlaces {
  /** Folder of images that are found by id. */
  readonly images: string | undefined
  /** Folders that paths of images are relative to; the first that has the image counts. */
  readonly bases: readonly string[]
  readonly split: string
  readonly pattern: string | undefined
  /** Whether rows give paths. */
  readonly givesPaths: boolean
  /** Whether images may lie outside `images` and `bases`. */
  readonly allowOutside: boolean
}

/**
 * Looks names up in one listing of the folder and of its subfolders named after the split (`val`, `val2014`,
 * `val2017`); a pattern with a subfolder is looked up on disk. Null when there is nowhere to look.
 */
export async function createImageFinder({
  images,
  bases,
  split,
  pattern,
  givesPaths,
  allowOutside,
}: ImagePlaces): Promise<ImageFinder | null> {
  if (images === undefined && !givesPaths) return null
  const byName = images === undefined ? null : await createNameFinder(images, split, pattern)
  const roots = [...(byName?.folders ?? []), ...bases.map((base) => resolve(base))]
  const check = createImageCheck(roots, allowOutside)
  const checked = new Map<string, string | undefined>()
  return (id, given, name) => {
    const key = given ?? `${typeof id} ${id}`
    if (!checked.has(key)) {
      const path =
        given === undefined
          ? byName?.find(id)
          : bases.map((base) => resolve(base, given)).find((one) => existsSync(one))
      if (path !== undefined) check(path, given ?? path, name)
      checked.set(key, path)
    }
    return checked.get(key)
  }
}

interface NameFinder {
  /** Folders that are looked in. */
  readonly folders: readonly string[]
  find(id: number | string): string | undefined
}

async function createNameFinder(
  folder: string,
  split: string,
  pattern: string | undefined,
): Promise<NameFinder> {
  const root = resolve(folder)
  const listings = new Map([[root, await listing(root, folder)]])
  for (const name of splitNames(split)) {
    const within = join(root, name)
    if (listings.get(root)!.has(name)) listings.set(within, await listing(within, folder))
  }
  const isThere = (at: string, names: ReadonlySet<string>, file: string): boolean =>
    /[\\/]/.test(file) ? existsSync(join(at, file)) : names.has(file)
  return {
    folders: [...listings.keys()],
    find(id) {
      const names = imageNames(id, split, pattern)
      for (const [at, there] of listings) {
        const name = names.find((one) => isThere(at, there, one))
        if (name !== undefined) return join(at, name)
      }
      return undefined
    },
  }
}

async function listing(folder: string, given: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(folder))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR' && folder !== resolve(given)) return new Set()
    throw new InputError(`vqa-dataset: cannot read the image folder ${given}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Names under which the image of an id may be found; `%012d`, `%d` and `%s` in a pattern stand for the id. */
export function imageNames(id: number | string, split: string, pattern?: string): string[] {
  const padded = String(id).padStart(12, '0')
  if (pattern !== undefined) {
    return [
      pattern.replace(/%(?:0(\d+))?[ds]/g, (_, width?: string) =>
        String(id).padStart(Number(width ?? 0), '0'),
      ),
    ]
  }
  return [
    ...['.png', '.jpg'].map((extension) => `${id}${extension}`),
    ...cocoSplits(split).flatMap((name) =>
      ['.jpg', '.png'].map((extension) => `COCO_${name}_${padded}${extension}`),
    ),
    ...['.jpg', '.png'].map((extension) => `${padded}${extension}`),
  ]
}
