// Ends the build of a package, run in its folder after tsc:
//
// - removes what tsc once wrote for sources that are gone, so that no tarball carries it;
// - lets declarations import './x.js' instead of './x.ts', which TypeScript before 5.7 does not resolve there (the two
//   are of one length, so declaration maps stay true);
// - declares tables, modules whose exports have names in quotes, as TypeScript before 5.6 reads them too;
// - writes dist/cjs, the same modules for `require` (docs/decisions/0010-two-builds.md), unless --esm-only is given.
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { transform } from 'esbuild'

const OUTPUTS = /(?<!\.d)\.(js|js\.map|d\.ts|d\.ts\.map)$|\.d\.ts(\.map)?$/

/** `import('literal')`: required late, because jest runs no `import()` of CommonJS modules without a flag. */
const LATE_IMPORT = /(?<![\w.])import\((['"])([^'"]+)\1\)/g

/** What the CommonJS modules of a package lack: the URL of the module that they were made from, and late requires. */
const PROLOGUE = `
const __url = require('node:url').pathToFileURL(__filename).href.replace(/\\/dist\\/cjs\\/(?!.*\\/dist\\/cjs\\/)/, '/dist/')
const __late = (load) => Promise.resolve().then(load).then((found) =>
  found.__esModule ? found : Object.assign(Object.create(null), found, { default: found }))
`.trim()

const files = (await readdir('dist', { recursive: true }))
  .filter((path) => !/^(cjs|page)([/\\]|$)/.test(path) && OUTPUTS.test(path))
  .map((path) => join('dist', path))
const stale = files.filter((path) => !existsSync(sourceOf(path)))
for (const path of stale) await rm(path)
const live = files.filter((path) => !stale.includes(path))
const declarations = live.filter((path) => path.endsWith('.d.ts'))
await Promise.all(declarations.map(importScripts))
await describeTables()
if (!process.argv.includes('--esm-only')) await writeCommonJs()

function sourceOf(path) {
  return join('src', relative('dist', path).replace(OUTPUTS, '.ts'))
}

async function importScripts(path) {
  const text = await readFile(path, 'utf8')
  const mended = text.replace(/(\bfrom |\bimport\(|\bimport )(['"])(\.\.?\/[^'"]+)\.ts\2/g, '$1$2$3.js$2')
  if (mended !== text) await writeFile(path, mended)
}

/** The rows of a table, `export { row as 'name' } from './row.js'`, become a type, which is the module's default. */
async function describeTables() {
  const texts = new Map(
    await Promise.all(declarations.map(async (path) => [path, await readFile(path, 'utf8')])),
  )
  const tables = new Set()
  for (const [path, text] of texts) {
    if (text.includes('\nexport default table;\n')) tables.add(path)
    if (!/^export \{ \w+ as '/m.test(text)) continue
    tables.add(path)
    const rows = Array.from(text.matchAll(/^export \{ (\w+)(?: as ('[^']+'|\w+))? \} from ('[^']+');$/gm))
    const imports = rows.map(([, row, , from], i) => `import type { ${row} as row${i} } from ${from};`)
    const types = rows.map(([, row, name = row], i) => `    readonly ${name}: typeof row${i};`)
    const body = `declare const table: {\n${types.join('\n')}\n};\nexport default table;\n`
    await writeFile(path, `${imports.join('\n')}\n${body}`)
  }
  for (const [path, text] of texts) {
    const mended = text.replace(/^import \* as (\w+) from '(\.[^']+)\.js'/gm, (all, name, from) =>
      tables.has(join(dirname(path), `${from}.d.ts`)) ? all.replace(`* as ${name}`, name) : all,
    )
    if (mended !== text) await writeFile(path, mended)
  }
}

async function writeCommonJs() {
  await rm('dist/cjs', { recursive: true, force: true })
  await mkdir('dist/cjs', { recursive: true })
  await Promise.all(live.filter((path) => path.endsWith('.js')).map(writeModule))
  for (const path of declarations) {
    const to = join('dist/cjs', relative('dist', path))
    await mkdir(dirname(to), { recursive: true })
    await cp(path, to)
    const text = await readFile(to, 'utf8')
    await writeFile(to, withoutMap(text))
  }
  await writeFile('dist/cjs/package.json', '{ "type": "commonjs" }\n')
}

/** A module that awaits at its top is the start of a worker, which is loaded from dist by its URL: it is left out. */
async function writeModule(path) {
  const code = await asCommonJs(await readFile(path, 'utf8'))
  if (code === undefined) return
  const late = code.replace(LATE_IMPORT, (_, quote, name) => `__late(() => require(${quote}${name}${quote}))`)
  const text = `"use strict";\n${/__url|__late/.test(late) ? `${PROLOGUE}\n` : ''}${late.replace(/^"use strict";\n/, '')}`
  const to = join('dist/cjs', relative('dist', path))
  await mkdir(dirname(to), { recursive: true })
  await writeFile(to, text)
}

/**
 * `transform` and not `build`: knowing that the file is of a package of ESM, `build` would give every
 * `import * as table` a `default`, and so the tables a row too many.
 */
async function asCommonJs(text) {
  try {
    const options = { format: 'cjs', platform: 'node', target: 'node20', logLevel: 'silent' }
    const { code } = await transform(withoutMap(text), { ...options, define: { 'import.meta.url': '__url' } })
    return withoutReserved(code)
  } catch (error) {
    if (error.errors?.every((one) => one.text.startsWith('Top-level await'))) return undefined
    throw error
  }
}

/** esbuild's closing note of what a module exports is an object of shorthands, in which strict code may not say `static`. */
function withoutReserved(code) {
  const reserved = /^( {2})(static|public|private|protected|interface|package|implements|let|yield)(?=,?$)/gm
  const [before, note] = code.split(/(?=^0 && \(module\.exports = \{)/m)
  return note === undefined ? code : before + note.replace(reserved, '$1"$2": null')
}

function withoutMap(text) {
  return text.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n')
}
