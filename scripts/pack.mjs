// node scripts/pack.mjs [DIR]: packs every published package of this built repository into DIR (packed/), as npm would
// publish it. `npm install DIR/*.tgz` installs them elsewhere.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publishedFolders } from './manifests.mjs'

/** Writes the tarballs; of each package its folder here, the tarball's path, and the files in it. */
export function pack(into) {
  mkdirSync(into, { recursive: true })
  const folders = publishedFolders()
  const options = ['--json', '--ignore-scripts', '--pack-destination', into]
  const said = execFileSync('npm', ['pack', ...options, ...folders.map((folder) => `./${folder}`)], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return Object.values(JSON.parse(said)).map(({ name, filename, files }, i) => ({
    ...{ name, folder: folders[i], tarball: join(into, filename) },
    files: new Set(files.map(({ path }) => path)),
  }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const into = process.argv[2] ?? 'packed'
  rmSync(into, { recursive: true, force: true })
  for (const { tarball } of pack(into)) console.log(tarball)
}
