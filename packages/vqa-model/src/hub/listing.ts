import { InputError } from '@lever/durable-files'

/** A file of a repository: its size, and a hash of its bytes (of a git blob for files kept in git). */
export interface RemoteFile {
  path: string
  size: number
  hash: { kind: 'sha256' | 'git-sha1'; hex: string }
}

/** The files of a model at one commit. */
export interface Listing {
  commit: string
  files: ReadonlyMap<string, RemoteFile>
}

export interface HubAccess {
  /** address without a slash at its end */
  endpoint: string
  token: string | undefined
  signal?: AbortSignal | undefined
}

/** Headers of a request; the token where there is one. */
export function hubHeaders({ token }: Pick<HubAccess, 'token'>): Record<string, string> {
  return {
    'user-agent': 'lever/0.1',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
}

/** Address of a file at a commit. */
export function fileAddress(id: string, commit: string, path: string, { endpoint }: HubAccess): string {
  return `${endpoint}/${id}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}

/**
 * Asks the Hub for the files of a model, `GET /api/models/ID/revision/REVISION?blobs=true`.
 *
 * @throws InputError for an unknown or closed model; Error when the Hub cannot be reached or answers something else
 */
export async function fetchListing(
  id: string,
  access: HubAccess,
  revision: string = 'main',
): Promise<Listing> {
  const url = `${access.endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`
  const response = await fetch(url, { headers: hubHeaders(access), signal: access.signal ?? null }).catch(
    (cause: unknown) => {
      access.signal?.throwIfAborted()
      throw new Error(`vqa-model: cannot reach ${url}: ${causeOf(cause)}`, { cause })
    },
  )
  if (!response.ok) throw refusal(id, url, response.status)
  const body: unknown = await response.json().catch(() => undefined)
  const listing = readListing(body)
  if (listing !== undefined) return listing
  throw new Error(
    `vqa-model: ${url} does not answer with a list of files; is HF_ENDPOINT (${access.endpoint}) a Hub?`,
  )
}

/** The error of a status that is not success. */
export function refusal(id: string, url: string, status: number): Error {
  if (status === 404) {
    return new InputError(`vqa-model: ${url} does not exist; is ${id} the id of a model with ONNX files?`)
  }
  if (status === 401 || status === 403) {
    return new InputError(
      `vqa-model: ${url} is refused (${status}): ${id} does not exist or is closed; accept its conditions on its page, ` +
        `then set HF_TOKEN to a token that may read it`,
    )
  }
  return new Error(`vqa-model: ${url} answers with status ${status}`)
}

/** The innermost reason of a failed fetch; its own message is only "fetch failed". */
export function causeOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? causeOf(cause) : message
}

function readListing(body: unknown): Listing | undefined {
  const { sha, siblings } = Object(body) as { sha?: unknown; siblings?: unknown }
  if (typeof sha !== 'string' || !/^[0-9a-f]{7,64}$/.test(sha) || !Array.isArray(siblings)) return undefined
  const files = new Map<string, RemoteFile>()
  for (const entry of siblings as unknown[]) {
    const { rfilename, size, blobId, lfs } = Object(entry) as Record<string, unknown>
    const large = Object(lfs) as { sha256?: unknown; size?: unknown }
    if (typeof rfilename !== 'string') continue
    if (typeof large.sha256 === 'string' && typeof large.size === 'number') {
      const hash = { kind: 'sha256', hex: large.sha256 } as const
      files.set(rfilename, { path: rfilename, size: large.size, hash })
    } else if (typeof size === 'number' && typeof blobId === 'string') {
      files.set(rfilename, { path: rfilename, size, hash: { kind: 'git-sha1', hex: blobId } })
    }
  }
  return { commit: sha, files }
}
