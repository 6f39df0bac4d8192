import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '@lever/durable-files'
import { splitNames } from '../splits.ts'

/** Absolute path of an image by its id, or by the path that the dataset gives; undefined when it is not there. */
export type ImageFinder = (id: number | string, given?: string) => string | undefined

export interface ImagePlaces {
  /** Folder of images that are found by id. */
  readonly images: string | undefined
  /** Folders that paths of images are relative to; the first that has the image counts. */
  readonly bases: readonly string[]
  readonly split: string
  readonly pattern: string | undefined
  /** Whether rows give paths. */
  readonly givesPaths: boolean
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
}: ImagePlaces): Promise<ImageFinder | null> {
  if (images === undefined && !givesPaths) return null
  const byName = images === undefined ? null : await createNameFinder(images, split, pattern)
  const paths = new Map<string, string | undefined>()
  return (id, given) => {
    if (given === undefined) return byName?.(id)
    if (!paths.has(given)) {
      paths.set(
        given,
        bases.map((base) => resolve(base, given)).find((path) => existsSync(path)),
      )
    }
    return paths.get(given)
  }
}

async function createNameFinder(
  folder: string,
  split: string,
  pattern: string | undefined,
): Promise<(id: number | string) => string | undefined> {
  const root = resolve(folder)
  const listings = new Map([[root, await listing(root, folder)]])
  for (const name of splitNames(split)) {
    const within = join(root, name)
    if (listings.get(root)!.has(name)) listings.set(within, await listing(within, folder))
  }
  const isThere = (at: string, names: ReadonlySet<string>, file: string): boolean =>
    /[\\/]/.test(file) ? existsSync(join(at, file)) : names.has(file)
  const found = new Map<number | string, string | undefined>()
  return (id) => {
    if (!found.has(id)) {
      const names = imageNames(id, split, pattern)
      const paths = [...listings].flatMap(([at, there]) =>
        names.filter((name) => isThere(at, there, name)).map((name) => join(at, name)),
      )
      found.set(id, paths[0])
    }
    return found.get(id)
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
  const prefix = `COCO_${/\d{4}$/.test(split) ? split : `${split}2014`}_`
  return [
    ...['.png', '.jpg'].map((extension) => `${id}${extension}`),
    ...['.jpg', '.png'].map((extension) => `${prefix}${padded}${extension}`),
    ...['.jpg', '.png'].map((extension) => `${padded}${extension}`),
  ]
}
