import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '@lever/durable-files'
import { dtypeText, type Dtypes } from '../onnx/dtypes.ts'
import { hubCache, modelCache, offlineBy } from './places.ts'

/** A model's folder, and its id on the Hub where it was named by one. */
export interface ModelPlace {
  path: string
  id: string | undefined
}

const ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/

/** Whether a text has the form of an id on the Hub, `organisation/name`. */
export function isModelId(model: string): boolean {
  return ID.test(model) && !/\.\.|--|\.git$/.test(model)
}

/**
 * The folder of a model that is named by its path, or by its id on the Hub. A folder of that name comes
 * first; then what `lever doctor --download` or the Hub's own tools have downloaded. Nothing is downloaded.
 *
 * @throws InputError with the command that downloads the model
 */
export async function locateModel(model: string, dtype?: Dtypes): Promise<ModelPlace> {
  const path = resolve(model)
  if (await isFolder(path)) return { path, id: undefined }
  if (!isModelId(model)) {
    throw new InputError(
      `vqa-model: there is no model folder ${path}; give a folder in the Hub's ONNX layout, or the id of a model on ` +
        `the Hub (organisation/name), which "lever doctor --download <id>" downloads`,
    )
  }
  const own = modelCache(model)
  if (await isFile(join(own, 'config.json'))) return { path: own, id: model }
  const shared = await snapshotFolder(hubCache(model))
  if (shared !== undefined && (await isFile(join(shared, 'config.json')))) return { path: shared, id: model }
  throw new InputError(
    `vqa-model: the model ${model} is not on this machine (looked in ${own} and ${hubCache(model)}); ` +
      downloadAdvice(model, dtype),
  )
}

/** What to do about files of a model that are missing. */
export function downloadAdvice(id: string, dtype: Dtypes | undefined): string {
  const offline = offlineBy()
  const option = dtype === undefined || dtypeText(dtype) === 'fp32' ? '' : ` --dtype ${dtypeText(dtype)}`
  const command = `lever doctor --download ${id}${option}`
  return offline === undefined
    ? `download it with "${command}"`
    : `${offline} is set, so nothing is downloaded: unset it and run "${command}", or run that on a machine with a ` +
        `network and copy the folder to ${modelCache(id)}`
}

async function snapshotFolder(folder: string): Promise<string | undefined> {
  const commit = await readFile(join(folder, 'refs', 'main'), 'utf8').catch(() => undefined)
  return commit === undefined || !/^[0-9a-f]+$/.test(commit.trim())
    ? undefined
    : join(folder, 'snapshots', commit.trim())
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true
}
