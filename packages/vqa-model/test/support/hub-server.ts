import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** What goes wrong with one request for a file. */
export interface Fault {
  status?: number
  retryAfter?: number
  /** bytes after which the connection breaks */
  cutAfter?: number
  /** bytes after which nothing comes any more */
  stallAfter?: number
  corrupt?: boolean
  ignoreRange?: boolean
}

export interface Seen {
  path: string
  range: string | undefined
  token: string | undefined
}

/** A server on loopback with the addresses of the Hub that downloads use. */
export interface Hub {
  readonly url: string
  readonly commit: string
  readonly requests: Seen[]
  /** requests at the other server, that files are redirected to */
  readonly elsewhere: Seen[]
  /** files that are redirected, and models behind a login */
  readonly redirect: Set<string>
  readonly closed: Set<string>
  /** faults of the next requests for a file, one each */
  fault(path: string, ...faults: Fault[]): void
  close(): Promise<void>
}

/** @param models folder of every model by its id */
export async function startHub(models: Readonly<Record<string, string>>): Promise<Hub> {
  const commit = '0123456789abcdef0123456789abcdef01234567'
  const faults = new Map<string, Fault[]>()
  const [requests, elsewhere]: [Seen[], Seen[]] = [[], []]
  const [redirect, closed] = [new Set<string>(), new Set<string>()]

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://hub')
    const [, id, path = ''] =
      /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(?:main|v1\.0)$/.exec(url.pathname) ??
      /^\/([^/]+\/[^/]+)\/resolve\/[0-9a-f]{40}\/(.+)$/.exec(url.pathname) ??
      []
    requests.push(seen(request, path === '' ? url.pathname : path))
    const folder = Object.hasOwn(models, id ?? '') ? models[id!]! : undefined
    if (folder === undefined) return void response.writeHead(404).end()
    if (closed.has(id!) && request.headers.authorization === undefined)
      return void response.writeHead(401).end()
    if (path === '') {
      const listing = { id, sha: commit, siblings: await list(folder) }
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(listing))
    }
    if (redirect.has(path)) {
      const { port } = other.address() as AddressInfo
      return void response.writeHead(302, { location: `http://localhost:${port}/${id}/${path}` }).end()
    }
    send(request, response, await readFile(join(folder, path)), faults.get(path)?.shift() ?? {})
  }

  async function serveElsewhere(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = '', path = ''] = /^\/([^/]+\/[^/]+)\/(.+)$/.exec(request.url!) ?? []
    elsewhere.push(seen(request, path))
    send(request, response, await readFile(join(models[id]!, path)), {})
  }

  const server = createServer((request, response) => void serve(request, response))
  const other = createServer((request, response) => void serveElsewhere(request, response))
  await Promise.all([server, other].map(listen))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ commit, requests, elsewhere, redirect, closed },
    fault: (path, ...next) => void faults.set(path, next),
    async close() {
      await Promise.all(
        [server, other].map((one) => {
          one.closeAllConnections()
          return new Promise((resolve) => one.close(resolve))
        }),
      )
    },
  }
}

const listen = (server: Server): Promise<unknown> =>
  new Promise((resolve) => server.listen(0, () => resolve(undefined)))

function seen(request: IncomingMessage, path: string): Seen {
  return { path, range: request.headers.range, token: request.headers.authorization }
}

async function list(folder: string): Promise<object[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(
    files.map(async (file) => {
      const data = await readFile(file)
      const rfilename = file.slice(folder.length + 1)
      const blobId = createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex')
      const lfs = {
        sha256: createHash('sha256').update(data).digest('hex'),
        size: data.length,
        pointerSize: 130,
      }
      return { rfilename, size: data.length, blobId, ...(/\.onnx/.test(rfilename) ? { lfs } : {}) }
    }),
  )
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  whole: Buffer,
  { status, retryAfter, cutAfter, stallAfter, corrupt, ignoreRange }: Fault,
): void {
  if (status !== undefined) {
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }).end()
    return
  }
  const from = ignoreRange === true ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const data = Buffer.from(whole.subarray(from))
  if (corrupt === true) data[0]! ^= 255
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': data.length,
    ...(from > 0 ? { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` } : {}),
  })
  const most = cutAfter ?? stallAfter
  if (most === undefined) {
    response.end(data)
    return
  }
  response.write(data.subarray(0, most), () => {
    if (cutAfter !== undefined) setTimeout(() => response.destroy(), 20)
  })
}
