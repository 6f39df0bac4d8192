import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs'
import { relative, isAbsolute, sep } from 'node:path'
import { InputError } from '@lever/durable-files'

/** Throws for an image that must not be read; `given` is its path as the dataset has it, `name` begins the message. */
export type ImageCheck = (path: string, given: string, name: () => string) => void

/**
 * Images must be regular files inside one of some folders, wherever links lead; a dataset of others could otherwise show
 * a model, or a report, any file of this machine.
 */
export function createImageCheck(folders: readonly string[], allowOutside: boolean): ImageCheck {
  const roots = [...new Set(folders)]
  const real = [...new Set(roots.flatMap(realPathOf))]
  const isInside = (path: string, within: readonly string[]): boolean =>
    within.some((root) => {
      const way = relative(root, path)
      return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
    })
  return (path, given, name) => {
    const kind = kindOf(statSync(path))
    if (kind !== undefined)
      throw new InputError(`${name()}: the image ${given} is ${kind}, not an image file`)
    if (allowOutside || (isInside(path, roots) && isDirect(path, roots))) return
    const target = realpathSync(path)
    if (isInside(target, real)) return
    throw new InputError(
      `${name()}: the image ${given} lies outside the dataset${target === path ? '' : ` (it is ${target})`}; give the folder that holds it with --images, or allow it with --allow-outside-images (allowOutsideImages)`,
    )
  }
}

/** Whether a path is a file that lies itself in one of the folders, so that no link needs to be followed. */
function isDirect(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => !relative(root, path).includes(sep)) && !lstatSync(path).isSymbolicLink()
}

function kindOf(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a named pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

function realPathOf(folder: string): string[] {
  try {
    return [realpathSync(folder)]
  } catch {
    return []
  }
}
