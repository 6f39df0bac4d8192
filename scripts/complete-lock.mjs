// Some registries do not serve every platform's binary of a package (@swc/core-darwin-arm64, say). npm then leaves
// those optional packages out of package-lock.json, and `npm ci` refuses the file because they are missing. This adds
// an entry for each, so that the same lock file works with any registry. Run it after `npm install` changed the lock.
import { readFileSync, writeFileSync } from 'node:fs'

const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const processors = ['arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

function platformOf(name) {
  const words = name.replace('windows', 'win32').split(/[-/@]/)
  const cpu = words.map((word) => (word === '64' ? 'x64' : word)).find((word) => processors.includes(word))
  const os = words.find((word) => systems.includes(word))
  const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined
  const arm = words.includes('arm') ? 'arm' : undefined
  const processor = cpu ?? arm
  return { ...(processor && { cpu: [processor] }), ...(libc && { libc }), ...(os && { os: [os] }) }
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const added = []
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    if (lock.packages[key] !== undefined || !/^\d/.test(version)) continue
    const platform = platformOf(name)
    if (platform.os === undefined && platform.cpu === undefined) continue
    lock.packages[key] = { version, ...(entry.dev && { dev: true }), optional: true, ...platform }
    added.push(`${name}@${version}`)
  }
}
const [root, ...rest] = Object.keys(lock.packages).sort((a, b) => (a === b ? 0 : a < b ? -1 : 1))
lock.packages = Object.fromEntries([root, ...rest].map((key) => [key, lock.packages[key]]))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log(
  added.length === 0 ? 'complete-lock: nothing was missing' : `complete-lock: added ${added.join(', ')}`,
)
