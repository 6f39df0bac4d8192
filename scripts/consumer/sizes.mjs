import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * What a package and all that npm installs with it weigh, in MB of 10^6 bytes, counted in a project that has everything:
 * dependencies and required peers, without optional peers.
 *
 * @param withPeers count these optional peers of the package too
 */
export function installedMegabytes(project, name, withPeers = []) {
  const found = new Set()
  const open = [name, ...withPeers].map((one) => join(project, 'node_modules', one))
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (found.has(folder)) continue
    found.add(folder)
    const {
      dependencies,
      optionalDependencies,
      peerDependencies = {},
      peerDependenciesMeta = {},
    } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const required = Object.keys(peerDependencies).filter((peer) => !peerDependenciesMeta[peer]?.optional)
    for (const one of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...required]) {
      const at = resolveFrom(folder, one)
      if (at !== undefined) open.push(at)
    }
  }
  return [...found].reduce((bytes, folder) => bytes + bytesOf(folder), 0) / 1e6
}

function resolveFrom(folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name)
    if (existsSync(path)) return path
    if (at === dirname(at)) return undefined
  }
}

function bytesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .reduce((bytes, entry) => {
      const path = join(folder, entry.name)
      return bytes + (entry.isDirectory() ? bytesOf(path) : statSync(path).size)
    }, 0)
}

/**
 * Does a README say what its package weighs? It says `**Size installed**: 4.6 MB`, and may add what optional peers
 * weigh; within 10 % and 0.3 MB, since dependencies by range move.
 */
export function checkSizes(project, packages) {
  const faults = []
  const sizes = {}
  for (const { name } of packages) {
    const readme = readFileSync(join(project, 'node_modules', name, 'README.md'), 'utf8')
    const said = Number(/Size installed: (\d+(?:\.\d)?) MB/.exec(readme)?.[1] ?? NaN)
    sizes[name] = installedMegabytes(project, name)
    if (!(Math.abs(said - sizes[name]) <= 0.1 * sizes[name] + 0.3)) {
      faults.push(
        `${name}: its README says "Size installed: ${said} MB", measured ${sizes[name].toFixed(1)} MB`,
      )
    }
  }
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return sizes
}
