import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '@lever/durable-files'
import { dtypeText, type FileDtypes } from '../onnx/dtypes.ts'
import { hubCache, modelCache, offlineBy } from './places.ts'

/** A model's folder, and its id on the Hub where it was named by one. */
export interface ModelPlace {
  path: string
  id: string | undefined
  /** commit of the files, where a revision was asked for */
  commit?: string
}

const ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/
const REVISION = /^[A-Za-z0-9][\w.-]{0,95}$/

/** An id on the Hub, and the branch, tag or commit that it is pinned to. */
export interface ModelId {
  id: string
  revision: string | undefined
}

/** Takes `organisation/name` or `organisation/name@revision` apart; undefined for what is neither. */
export function parseModelId(model: string): ModelId | undefined {
  const [id = '', revision, ...more] = model.split('@')
  if (!ID.test(id) || /\.\.|--|\.git$/.test(id) || more.length > 0) return undefined
  if (revision !== undefined && (!REVISION.test(revision) || revision.includes('..'))) return undefined
  return { id, revision }
}

/** Whether a text has the form of an id on the Hub, `organisation/name`, with or without `@revision`. */
export function isModelId(model: string): boolean {
  return parseModelId(model) !== undefined
}

/**
 * The folder of a model that is named by its path, or by its id on the Hub. A folder of that name comes
 * first; then what `lever doctor --download` or the Hub's own tools have downloaded. Nothing is downloaded.
 *
 * @throws InputError with the command that downloads the model
 */
export async function locateModel(model: string, dtype?: FileDtypes): Promise<ModelPlace> {
  const path = resolve(model)
  if (await isFolder(path)) return { path, id: undefined }
  const parsed = parseModelId(model)
  if (parsed === undefined) {
    throw new InputError(
      `vqa-model: there is no model folder ${path}; give a folder in the Hub's ONNX layout, or the id of a model on ` +
        `the Hub (organisation/name, or organisation/name@revision), which "lever doctor --download <id>" downloads`,
    )
  }
  const own = modelCache(model)
  const { id, revision } = parsed
  if (await isFile(join(own, 'config.json'))) {
    return revision === undefined ? { path: own, id } : { path: own, id, commit: await readCommit(own) }
  }
  const shared = hubCache(id)
  const commit = await snapshotCommit(shared, revision)
  if (commit !== undefined) {
    const path = join(shared, 'snapshots', commit)
    if (await isFile(join(path, 'config.json'))) {
      return revision === undefined ? { path, id } : { path, id, commit }
    }
  }
  throw new InputError(
    `vqa-model: the model ${model} is not on this machine (looked in ${own} and ${shared}); ` +
      downloadAdvice(model, dtype),
  )
}

/** What to do about files of a model that are missing. */
export function downloadAdvice(id: string, dtype: FileDtypes | undefined): string {
  const offline = offlineBy()
  const option = dtype === undefined || dtypeText(dtype) === 'fp32' ? '' : ` --dtype ${dtypeText(dtype)}`
  const command = `lever doctor --download ${id}${option}`
  return offline === undefined
    ? `download it with "${command}"`
    : `${offline} is set, so nothing is downloaded: unset it and run "${command}", or run that on a machine with a ` +
        `network and copy the folder to ${modelCache(id)}`
}

/** The file in a downloaded model's folder that names the commit. */
export const SOURCE_FILE = 'lever-source.json'

/** @throws InputError for a folder that no download has finished */
async function readCommit(folder: string): Promise<string> {
  const path = join(folder, SOURCE_FILE)
  const text = await readFile(path, 'utf8').catch(() => '{}')
  const { commit } = JSON.parse(text) as { commit?: unknown }
  if (typeof commit === 'string') return commit
  throw new InputError(
    `vqa-model: ${path} names no commit; download the model again with lever doctor --download`,
  )
}

/** The commit of a branch or tag in the cache of the Hub's own tools; a commit is its own name. */
async function snapshotCommit(folder: string, revision = 'main'): Promise<string | undefined> {
  const named = await readFile(join(folder, 'refs', revision), 'utf8').catch(() => revision)
  return /^[0-9a-f]+$/.test(named.trim()) ? named.trim() : undefined
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true
}
