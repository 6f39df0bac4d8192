// node scripts/publish.mjs [--for-real]: publishes every package of this built repository, each after the packages that
// it depends on. Without --for-real it is a dry run: npm says what it would do, and nothing leaves this machine.
// docs/releasing.md has the steps around it.
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { publishedFolders } from './manifests.mjs'

const OPTIONS = ['--ignore-scripts', '--loglevel=warn']
const read = (path) => JSON.parse(readFileSync(path, 'utf8'))

/**
 * Published packages, each after those of this repository that it needs, so that whoever installs in the middle of a
 * release finds all of them.
 *
 * @throws Error where a package needs one that is not published, or itself
 */
export function inOrder() {
  const packages = new Map(
    publishedFolders().map((folder) => {
      const manifest = read(`${folder}/package.json`)
      return [manifest.name, { folder, manifest }]
    }),
  )
  const ordered = new Set()
  const add = (name, above) => {
    if (ordered.has(name)) return
    const found = packages.get(name)
    const path = [...above, name].join(' > ')
    if (found === undefined) throw new Error(`${path}: ${name} is not published: publish it too, or drop it`)
    if (above.includes(name)) throw new Error(`${path}: packages need each other in a circle`)
    const { dependencies, optionalDependencies, peerDependencies } = found.manifest
    const needed = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    for (const one of needed.filter((other) => other.startsWith('@lever/')).sort()) {
      add(one, [...above, name])
    }
    ordered.add(name)
  }
  for (const name of [...packages.keys()].sort()) add(name, [])
  return [...ordered].map((name) => packages.get(name))
}

/** What must be so before anything is published, as one sentence for each thing that is not. */
function faultsBefore() {
  const faults = []
  const changed = execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' })
  if (changed !== '') faults.push('the tree has changes: commit them, or publish from a fresh clone')
  const address = read('package.json').repository.url.replace(/^git\+/, '')
  const asked = spawnSync('git', ['ls-remote', '--exit-code', address, 'HEAD'], {
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
    timeout: 30_000,
  })
  if (asked.status !== 0) {
    faults.push(
      `no repository answers at ${address}: write the real address into the root package.json, then run ` +
        'node scripts/manifests.mjs',
    )
  }
  const account = spawnSync('npm', ['whoami'])
  if (account.status !== 0) faults.push('npm knows no account here: run npm login')
  return faults
}

/** Is this version in the registry? So a release that broke off goes on where it stopped. */
function isThere({ name, version }) {
  const { status, stdout, stderr } = spawnSync('npm', ['view', `${name}@${version}`, 'version'], {
    encoding: 'utf8',
  })
  if (status === 0) return stdout.trim() !== ''
  if (stderr.includes('E404')) return false
  throw new Error(`the registry did not say whether ${name}@${version} is there:\n${stderr}`)
}

function publishAll(packages) {
  for (const { folder, manifest } of packages) {
    if (isThere(manifest)) console.log(`${manifest.name}@${manifest.version} is there already`)
    else execFileSync('npm', ['publish', `./${folder}`, ...OPTIONS], { stdio: 'inherit' })
  }
  console.log(`publish: ${packages.length} packages are published`)
}

/** @throws Error where npm would refuse a package, or change its package.json on the way */
function tryAll(packages) {
  for (const { folder } of packages) {
    const { status, stdout, stderr } = spawnSync('npm', ['publish', `./${folder}`, '--dry-run', ...OPTIONS], {
      encoding: 'utf8',
    })
    if (status !== 0 || stderr.includes('auto-corrected')) throw new Error(`${folder}:\n${stderr}`)
    process.stdout.write(stdout)
  }
  console.log(`publish: ${packages.length} packages could be published; --for-real does it`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { 'for-real': { type: 'boolean', default: false } } })
  const faults = values['for-real'] ? faultsBefore() : []
  for (const fault of faults) console.error(`publish: ${fault}`)
  if (faults.length > 0) process.exit(1)
  if (values['for-real']) publishAll(inOrder())
  else tryAll(inOrder())
}
