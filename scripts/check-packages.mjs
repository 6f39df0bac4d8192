// Checks what is published: every package.json is as scripts/manifests.mjs writes it, the files are as publint and
// are-the-types-wrong want them, and one onnxruntime-node is installed, and the compiler is the one meant.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { isLibraryFolder, manifestOf, publishedFolders, versionFileOf } from './manifests.mjs'
import { pack } from './pack.mjs'

const faults = []
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
const folders = publishedFolders()

for (const folder of folders) {
  const { keywords = [], description = '' } = JSON.parse(read(`${folder}/package.json`))
  if (keywords.length < 3) faults.push(`${folder}/package.json: give at least three "keywords"`)
  if (description === '') faults.push(`${folder}/package.json: give a "description"`)
  if (read(`${folder}/README.md`) === '')
    faults.push(`${folder} has no README.md: write one, with an example`)
  if (
    read(`${folder}/LICENSE`) !== read('LICENSE') ||
    read(`${folder}/package.json`) !== (await manifestOf(folder))
  ) {
    faults.push(
      `${folder}: package.json or LICENSE is not as every package has it: run node scripts/manifests.mjs, then ` +
        'npm run build, and commit what they change',
    )
  }
}

for (const { path, text } of folders.map(versionFileOf).filter((file) => file !== undefined)) {
  if (read(path) !== text)
    faults.push(`${path} has another version than package.json: run node scripts/manifests.mjs`)
}

const packed = mkdtempSync(join(tmpdir(), 'lever-check-'))
try {
  for (const { folder, tarball, files } of pack(packed)) {
    await checkTarball(folder, readFileSync(tarball), files)
  }
} finally {
  rmSync(packed, { recursive: true })
}

async function checkTarball(folder, tarball, files) {
  for (const needed of ['LICENSE', 'README.md', 'package.json']) {
    if (!files.has(needed)) faults.push(`${folder}: its tarball has no ${needed}`)
  }
  for (const path of [...files].filter((one) => one.endsWith('.map'))) {
    const { sources } = JSON.parse(read(join(folder, path)))
    const lost = sources.find((source) => !files.has(join(path, '..', source)))
    if (lost !== undefined) faults.push(`${folder}: ${path} points at ${lost}, which is not in the tarball`)
  }
  const { messages, pkg } = await publint({
    strict: true,
    level: 'warning',
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength) },
  })
  for (const message of messages) faults.push(`${folder}: publint: ${formatMessage(message, pkg)}`)
  if (!isLibraryFolder(folder)) return
  const { problems } = await checkPackage(createPackageFromTarballData(tarball))
  for (const { kind, entrypoint, resolutionKind } of problems) {
    faults.push(
      `${folder}: are-the-types-wrong: ${kind} at ${entrypoint ?? '.'} (${resolutionKind ?? 'any'})`,
    )
  }
}

/** Names of what a value holds, three levels deep: a table with a row too many or too few shows. */
function shapeOf(value, depth = 0) {
  if (typeof value !== 'object' || value === null || depth > 3 || ArrayBuffer.isView(value))
    return typeof value
  const keys = Object.keys(value).sort()
  return keys.map((key) => [key, shapeOf(value[key], depth + 1)])
}

const require = createRequire(import.meta.url)
for (const folder of folders.filter(isLibraryFolder)) {
  const { exports } = JSON.parse(read(`${folder}/package.json`))
  for (const { default: esm, require: cjs } of Object.values(exports)) {
    if (cjs === undefined) continue
    const [ours, theirs] = [await import(resolve(folder, esm)), require(resolve(folder, cjs.default))]
    if (JSON.stringify(shapeOf(ours)) !== JSON.stringify(shapeOf(theirs))) {
      faults.push(
        `${folder}: ${esm} and ${cjs.default} do not export the same: run npm run build; if it stays, see why`,
      )
    }
  }
}

const tree = execFileSync('npm', ['ls', 'onnxruntime-node', '--all', '--parseable', '--long'], {
  encoding: 'utf8',
})
const copies = new Set(
  tree
    .split('\n')
    .filter((line) => line.includes('onnxruntime-node@'))
    .map((line) => line.split(':')[0]),
)
if (copies.size !== 1) {
  faults.push(`${copies.size} copies of onnxruntime-node are installed; two in one process do not load`)
}

// Two packages bring a `tsc` (typescript-eslint still reads the API of version 6); npm links the one whose name comes first.
const compiler = execFileSync('npx', ['tsc', '--version'], { encoding: 'utf8' }).trim()
const wanted = JSON.parse(read('package.json')).devDependencies['@typescript/latest'].split('@').at(-1)
if (compiler !== `Version ${wanted}`) {
  faults.push(`npx tsc is ${compiler}, and package.json wants ${wanted}: see "@typescript/latest" there`)
}

for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exit(1)
console.log(`check-packages: ${folders.length} packages are ready to publish`)
