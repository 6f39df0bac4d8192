// Installs ONNX Runtime's CUDA provider and the CUDA and cuDNN libraries that it needs, from the Python index alone:
// wheels that scripts/cuda-wheels.json pins by SHA-256, unpacked into the cache folder of Lever. onnxruntime-node only
// gets links to the provider, so that `npm ci`, which empties node_modules, costs no second download.
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { lstat, mkdir, readlink, rename, rm, stat, statfs, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { acquireLock, InputError, isInputError } from '../packages/durable-files/dist/index.js'
import { downloadFile, isSame } from '../packages/vqa-model/dist/hub/download-file.js'
import { cacheFolder, offlineBy } from '../packages/vqa-model/dist/hub/places.js'

const HELP = `npm run cuda:install -- [--dry-run | --remove]

Installs what --device cuda needs besides the driver. An interrupted download is continued by the same command.

  --dry-run  only lists what would be downloaded, with sizes
  --remove   removes everything that this command has installed

The index is PIP_INDEX_URL, else pip's own setting, else https://pypi.org/simple. The folder is LEVER_CACHE/cuda,
else ~/.cache/lever/cuda.`

const SPARE_BYTES = 64 * 2 ** 20
const PROVIDERS = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so']

const require = createRequire(import.meta.url)
const pinned = JSON.parse(readFileSync(new URL('./cuda-wheels.json', import.meta.url), 'utf8'))
const folder = join(cacheFolder(), 'cuda', pinned.onnxruntime)
const ortFolder = dirname(dirname(require.resolve('onnxruntime-node')))
const providerFolder = join(ortFolder, 'bin', 'napi-v6', 'linux', 'x64')

try {
  await main()
} catch (error) {
  process.stderr.write(`${isInputError(error) ? error.message : (error.stack ?? error)}\n`)
  process.exitCode = isInputError(error) ? 2 : 1
}

async function main() {
  const options = readOptions()
  if (options.help) return void process.stdout.write(`${HELP}\n`)
  if (options.remove) return remove()
  requirePlatform(options['dry-run'])
  const missing = []
  for (const wheel of pinned.wheels) if (!(await isUnpacked(wheel))) missing.push(wheel)
  list(missing)
  if (options['dry-run']) return
  await mkdir(folder, { recursive: true })
  const lock = await acquireLock(join(folder, 'install'))
  try {
    await requireSpace(missing)
    for (const wheel of missing) await install(wheel)
    for (const name of PROVIDERS) await link(name)
  } finally {
    await lock.release()
  }
  say(`\nInstalled in ${folder}.\nNow try: npx lever doctor --devices cpu cuda`)
}

function readOptions() {
  const flag = { type: 'boolean', default: false }
  try {
    const { values } = parseArgs({ options: { 'dry-run': flag, remove: flag, help: flag } })
    return values
  } catch (error) {
    throw new InputError(`cuda:install: ${error.message}\n\n${HELP}`)
  }
}

function requirePlatform(isDryRun) {
  const { version } = JSON.parse(readFileSync(join(ortFolder, 'package.json'), 'utf8'))
  if (version !== pinned.onnxruntime) {
    throw new InputError(
      `cuda:install: onnxruntime-node is version ${version}, and scripts/cuda-wheels.json pins the provider of ` +
        `${pinned.onnxruntime}; a provider works only with the ONNX Runtime of its own version`,
    )
  }
  if (isDryRun || (process.platform === 'linux' && process.arch === 'x64')) return
  throw new InputError(
    `cuda:install: ONNX Runtime for Node has CUDA on Linux x64 only; this is ${process.platform} ${process.arch}`,
  )
}

function list(missing) {
  say(
    `ONNX Runtime ${pinned.onnxruntime} with CUDA ${pinned.cuda}; needs NVIDIA driver ${pinned.driver} or later`,
  )
  for (const wheel of pinned.wheels) {
    const state = missing.includes(wheel) ? `${megabytes(wheel.bytes)} MB` : 'is there'
    say(`  ${state.padStart(10)}  ${wheel.file}`)
  }
  const unpacked = megabytes(sum(pinned.wheels.map(unpackedBytes)))
  say(
    `  ${megabytes(sum(missing.map(({ bytes }) => bytes)))} MB to download, ${unpacked} MB on disk in ${folder}`,
  )
}

async function isUnpacked({ libraries }) {
  const sizes = await Promise.all(Object.keys(libraries).map((path) => sizeOf(libraryPath(path))))
  return Object.values(libraries).every((size, i) => sizes[i] === size)
}

/** The disk holds all libraries and, until it is unpacked, one wheel. */
async function requireSpace(missing) {
  const largest = Math.max(0, ...missing.map(({ bytes }) => bytes))
  const wanted = sum(missing.map(unpackedBytes)) + largest + SPARE_BYTES
  const { bavail, bsize } = await statfs(folder)
  if (missing.length === 0 || wanted <= bavail * bsize) return
  throw new InputError(
    `cuda:install: ${folder} has room for ${megabytes(bavail * bsize)} MB, and ${megabytes(wanted)} MB are needed; ` +
      'free some, or set LEVER_CACHE to a folder on another disk',
  )
}

async function install(wheel) {
  const { project, bytes, sha256, libraries } = wheel
  const file = { path: wheel.file, size: bytes, hash: { kind: 'sha256', hex: sha256 } }
  const path = join(folder, wheel.file)
  if (!(await isSame(path, file))) {
    const { url, headers } = await findWheel(wheel)
    let shown = -1
    await downloadFile({
      ...{ url, headers, file, folder, owner: project, attempts: 5, patience: 60_000, pause: 1000 },
      refusal: (address, status) => new InputError(`cuda:install: ${address} answers with status ${status}`),
      onProgress(done) {
        const percent = Math.floor((10 * done) / bytes) * 10
        if (percent > shown) process.stderr.write(`${shown < 0 ? `${project}:` : ''} ${percent}%`)
        shown = percent
      },
    })
    process.stderr.write('\n')
  }
  await unpack(path, libraries)
  await rm(path)
}

/** Address of a wheel in the index (PEP 503 and 691), and the headers that it needs. */
async function findWheel({ project, file }) {
  const offline = offlineBy()
  if (offline !== undefined) {
    throw new InputError(
      `cuda:install: ${offline} is set, so nothing is downloaded; unset it, or put ${file} into ${folder}`,
    )
  }
  const index = new URL(`${indexUrl().replace(/\/+$/, '')}/${project}/`)
  const { username, password, host } = index
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const headers = username === '' ? {} : { authorization: `Basic ${login.toString('base64')}` }
  index.username = index.password = ''
  const accept = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5'
  const response = await fetch(index, { headers: { ...headers, accept } }).catch((error) => {
    throw new InputError(
      `cuda:install: cannot reach ${index.href}: ${error.cause?.message ?? error.message}; ` +
        'set PIP_INDEX_URL to a Python index that this machine reaches',
    )
  })
  if (!response.ok) throw new InputError(`cuda:install: ${index.href} answers with status ${response.status}`)
  const links = linksOf(await response.text(), response.headers.get('content-type') ?? '')
  const url = links.map((link) => new URL(link, response.url)).find(({ pathname }) => isNamed(pathname, file))
  if (url === undefined) throw new InputError(`cuda:install: ${index.href} does not list ${file}`)
  url.hash = ''
  return { url: url.href, headers: url.host === host ? headers : {} }
}

function linksOf(body, type) {
  if (type.includes('json')) return JSON.parse(body).files.map(({ url }) => url)
  return [...body.matchAll(/href\s*=\s*["']([^"']+)["']/g)].map(([, link]) => link.replaceAll('&amp;', '&'))
}

function isNamed(path, file) {
  return decodeURIComponent(basename(path)) === file
}

function indexUrl() {
  if (process.env.PIP_INDEX_URL) return process.env.PIP_INDEX_URL
  try {
    const asking = ['-m', 'pip', 'config', 'get', 'global.index-url']
    const said = execFileSync('python3', asking, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    if (/^https?:/.test(said)) return said.trim()
  } catch {
    // no Python, no pip, or no such setting
  }
  return 'https://pypi.org/simple'
}

/** Takes the libraries out of a wheel, which is a zip file. */
async function unpack(wheel, libraries) {
  const { openPromise } = require('yauzl')
  const zip = await openPromise(wheel)
  for await (const entry of zip.eachEntry()) {
    if (!(entry.fileName in libraries)) continue
    const path = libraryPath(entry.fileName)
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(`${path}.part`, { mode: 0o755 }))
    await rename(`${path}.part`, path)
  }
  const lost = Object.keys(libraries).filter((path) => !existsSync(libraryPath(path)))
  if (lost.length > 0) throw new Error(`cuda:install: ${wheel} lacks ${lost.join(', ')}`)
}

/** All libraries lie in one folder: those of NVIDIA look for each other beside themselves (RUNPATH $ORIGIN). */
function libraryPath(path) {
  return join(folder, basename(path))
}

async function link(name) {
  const path = join(providerFolder, name)
  await rm(path, { force: true })
  await symlink(join(folder, name), path)
}

async function remove() {
  for (const name of PROVIDERS) {
    const path = join(providerFolder, name)
    const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true
    if (isLink && (await readlink(path)) === join(folder, name)) await rm(path)
  }
  await rm(folder, { recursive: true, force: true })
  say(`Removed ${folder} and the links to it.`)
}

async function sizeOf(path) {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

function unpackedBytes({ libraries }) {
  return sum(Object.values(libraries))
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0)
}

function megabytes(bytes) {
  return Math.round(bytes / 1e6).toLocaleString('en')
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
