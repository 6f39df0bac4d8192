import { mkdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { acquireLock, InputError, writeFileAtomic } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { readDtypes, type Dtypes } from '../onnx/dtypes.ts'
import { chooseFiles, furtherFiles } from './choose-files.ts'
import { downloadFile } from './download-file.ts'
import { fetchListing, fileAddress, hubHeaders, refusal, type RemoteFile } from './listing.ts'
import { parseModelId, SOURCE_FILE } from './locate.ts'
import { hubEndpoint, hubToken, modelCache, offlineBy } from './places.ts'

/** Which model of the Hub is downloaded, and which of its files. */
export interface DownloadOptions {
  /** id on the Hub: `organisation/name`, or `organisation/name@revision` for a branch, tag or commit */
  id: string
  /** of the ONNX files; `fp32` when left out */
  dtype?: Dtypes
  /** ends the download; what is there is kept, and the same call continues */
  signal?: AbortSignal
  /** bytes that are there of all bytes, and the file that comes now */
  onProgress?: (done: number, total: number, file: string) => void
  /** attempts in a row without one new byte before the download fails */
  attempts?: number
  /** milliseconds without a byte after which an attempt is given up */
  patience?: number
  /** first pause between attempts in milliseconds; doubles */
  pause?: number
}

export const DOWNLOAD_OPTIONS: OptionNames<DownloadOptions> = {
  id: true,
  dtype: true,
  signal: true,
  onProgress: true,
  attempts: true,
  patience: true,
  pause: true,
}

/** A model that lies on this machine now. */
export interface Downloaded {
  id: string
  /** commit that the files are of */
  commit: string
  /** folder of the model, under `LEVER_CACHE` */
  path: string
  bytes: number
  files: { path: string; size: number; fetched: boolean }[]
}

/**
 * Downloads a model from the Hub (`HF_ENDPOINT`, with `HF_TOKEN` where it is set) into the cache folder, or brings
 * what is there up to date. What an earlier attempt left is continued; every file is checked by its hash.
 *
 * @throws InputError if the network is forbidden, the model does not exist, or the disk is too small; Error when
 * the Hub fails again and again
 */
export async function downloadModel(options: DownloadOptions): Promise<Downloaded> {
  refuseUnknownOptions(options, DOWNLOAD_OPTIONS, 'vqa-model: downloadModel')
  const {
    id: model,
    signal,
    onProgress = () => undefined,
    attempts = 5,
    patience = 60_000,
    pause = 1000,
  } = options
  const parsed = parseModelId(model)
  if (parsed === undefined) {
    throw new InputError(
      `vqa-model: "${model}" is not the id of a model on the Hub; give organisation/name, or organisation/name@revision`,
    )
  }
  const { id, revision } = parsed
  const offline = offlineBy()
  if (offline !== undefined) {
    throw new InputError(
      `vqa-model: ${offline} is set, so ${model} is not downloaded; unset it, or copy the folder to ${modelCache(model)}`,
    )
  }
  const access = { endpoint: hubEndpoint(), token: hubToken(), signal }
  const listing = await fetchListing(id, access, revision)
  const folder = modelCache(model)
  await mkdir(folder, { recursive: true })
  const lock = await acquireLock(join(folder, 'download'))
  try {
    const found: Downloaded['files'] = []
    let [before, total] = [0, 0]
    const fetchAll = async (files: readonly RemoteFile[]): Promise<void> => {
      await requireSpace(folder, files)
      total += files.reduce((sum, { size }) => sum + size, 0)
      for (const file of files) {
        const fetched = await downloadFile({
          ...{ file, folder, signal, attempts, patience, pause },
          url: fileAddress(id, listing.commit, file.path, access),
          headers: hubHeaders(access),
          owner: id,
          refusal: (url, status) => refusal(id, url, status),
          onProgress: (bytes) => onProgress(before + bytes, total, file.path),
        })
        before += file.size
        found.push({ path: file.path, size: file.size, fetched })
      }
    }
    const chosen = chooseFiles(id, listing, readDtypes(options.dtype))
    await fetchAll(chosen)
    await fetchAll(furtherFiles(id, listing, chosen, folder))
    const source = { id, commit: listing.commit }
    await writeFileAtomic(join(folder, SOURCE_FILE), `${JSON.stringify(source)}\n`)
    return { id: model, commit: listing.commit, path: folder, bytes: total, files: found }
  } finally {
    await lock.release()
  }
}

async function requireSpace(folder: string, files: readonly RemoteFile[]): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined)
  if (disk === undefined) return
  const sizes = await Promise.all(
    files.map(async ({ path, size }) => {
      const there = await stat(join(folder, path)).catch(() => undefined)
      return there?.size === size ? 0 : size
    }),
  )
  const wanted = sizes.reduce((sum, size) => sum + size, 0)
  const free = disk.bavail * disk.bsize
  if (wanted <= free) return
  throw new InputError(
    `vqa-model: ${folder} has room for ${free} bytes, and the files have ${wanted}; ` +
      `free some, or set LEVER_CACHE to a folder on another disk`,
  )
}
