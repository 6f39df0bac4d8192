// node scripts/manifests.mjs: writes what every published package has in common into its package.json, and LICENSE beside
// it. A package itself says name, version, description, keywords, the names of its entries and its dependencies.
// `npm run check` fails where a file differs from what this would write.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const read = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Folders of all packages that are published. */
export function publishedFolders() {
  return [
    ...readdirSync('packages').map((name) => `packages/${name}`),
    'apps/cli',
    'fixtures/shapes-vqa',
  ].filter(
    (folder) => existsSync(`${folder}/package.json`) && read(`${folder}/package.json`).private !== true,
  )
}

/** Is it imported? The command is not. */
export const isLibraryFolder = (folder) => folder !== 'apps/cli'

/** The package.json of a folder as it should be, from what it is. */
export async function manifestOf(folder) {
  const root = read('package.json')
  const { name, version, description, keywords, ...own } = read(`${folder}/package.json`)
  const isLibrary = isLibraryFolder(folder)
  const manifest = {
    ...{ name, version, description, keywords },
    ...{ license: root.license, author: root.author },
    homepage: `${root.homepage}/tree/main/${folder}#readme`,
    repository: { ...root.repository, directory: folder },
    bugs: root.bugs,
    ...{ type: 'module', engines: root.engines },
    ...(isLibrary && { sideEffects: false }),
    ...(isLibrary ? entriesOf(own.exports) : own.exports === undefined ? {} : { exports: own.exports }),
    ...(own.bin && { bin: own.bin }),
    files: folder.startsWith('packages/') ? ['dist', 'src', 'CHANGELOG.md'] : own.files,
    publishConfig: { access: 'public' },
    scripts: { ...own.scripts, build: buildOf(own.scripts.build, isLibrary) },
  }
  const peers = isLibrary ? peersOf(folder, own) : {}
  if (own.dependencies) manifest.dependencies = byRange(own.dependencies)
  Object.assign(manifest, peers)
  if (own.devDependencies) manifest.devDependencies = byRange(own.devDependencies)
  const rest = Object.fromEntries(
    Object.entries(own).filter(([key]) => !(key in { ...manifest, ...DERIVED })),
  )
  const options = await resolveConfig('package.json')
  return format(JSON.stringify({ ...manifest, ...rest }), { ...options, filepath: 'package.json' })
}

/** The file that tells a package its version, as it should be; undefined where there is none. */
export function versionFileOf(folder) {
  const path = `${folder}/src/version.ts`
  if (!existsSync(path)) return undefined
  const { version } = read(`${folder}/package.json`)
  const text = readFileSync(path, 'utf8').replace(/(?<=VERSION = ')[^']+(?=')/, version)
  return { path, text }
}

const DERIVED = {
  peerDependencies: true,
  peerDependenciesMeta: true,
  main: true,
  types: true,
  typesVersions: true,
  exports: true,
  sideEffects: true,
}

/**
 * Entries of a library. Node takes `module-sync` for `import` and for `require`, so a process has one copy of a module;
 * jest, which knows no ESM without a flag, takes `require`; everything else takes the ESM of `default`.
 * `main`, `types` and `typesVersions` are for resolvers that do not read `exports`.
 */
function entriesOf(exported) {
  const names = Object.keys(exported).filter((name) => name !== './package.json')
  const stem = (name) => (name === '.' ? 'index' : name.slice(2))
  const at = (folder, name) => ({
    types: `./${folder}/${stem(name)}.d.ts`,
    default: `./${folder}/${stem(name)}.js`,
  })
  const conditions = (name) => ({
    'module-sync': at('dist', name),
    require: at('dist/cjs', name),
    ...{ types: `./dist/${stem(name)}.d.ts`, default: `./dist/${stem(name)}.js` },
  })
  const others = names.filter((name) => name !== '.')
  return {
    ...(names.includes('.') && { main: './dist/cjs/index.js', types: './dist/cjs/index.d.ts' }),
    ...(others.length > 0 && {
      typesVersions: {
        '*': Object.fromEntries(others.map((name) => [stem(name), [`./dist/cjs/${stem(name)}.d.ts`]])),
      },
    }),
    exports: {
      ...Object.fromEntries(names.map((name) => [name, conditions(name)])),
      './package.json': './package.json',
    },
  }
}

/**
 * What runs models has ONNX Runtime, and what opens VQA models transformers.js, as peers, because two copies of the runtime
 * in one process do not load (docs/onnxruntime.md). Optional where something is of use without them.
 */
const RUNTIMES = {
  'onnxruntime-node': { range: '>=1.25.1 <1.31.0', neededBy: '@lever/onnx-grad' },
  '@huggingface/transformers': { range: '4.3.1', neededBy: '@lever/vqa-model' },
}
const NEED_RUNTIMES = ['packages/selector', 'packages/server']

function peersOf(folder, { peerDependencies = {}, peerDependenciesMeta = {} }) {
  const below = closureOf(folder)
  const runtimes = Object.entries(RUNTIMES).filter(([, { neededBy }]) => below.has(neededBy))
  const others = Object.entries(peerDependencies).filter(([peer]) => !(peer in RUNTIMES))
  const peers = [...others, ...runtimes.map(([peer, { range }]) => [peer, range])]
  if (peers.length === 0) return {}
  const optional = Object.keys(Object.fromEntries(peers)).filter((peer) =>
    peer in RUNTIMES ? !NEED_RUNTIMES.includes(folder) : peerDependenciesMeta[peer]?.optional,
  )
  return {
    peerDependencies: Object.fromEntries(peers),
    ...(optional.length > 0 && {
      peerDependenciesMeta: Object.fromEntries(optional.map((peer) => [peer, { optional: true }])),
    }),
  }
}

/** Names of a package and of all packages of this repository that it depends on. */
function closureOf(folder, found = new Set()) {
  const { name, dependencies = {} } = read(`${folder}/package.json`)
  found.add(name)
  for (const one of Object.keys(dependencies)) {
    if (one.startsWith('@lever/') && !found.has(one))
      closureOf(`packages/${one.slice('@lever/'.length)}`, found)
  }
  return found
}

function buildOf(build, isLibrary) {
  const steps = build.split(' && ').filter((step) => !step.includes('finish-package'))
  return [...steps, `node ../../scripts/finish-package.mjs${isLibrary ? '' : ' --esm-only'}`].join(' && ')
}

/** Packages of this repository are wanted by range, so that a project that has several of them gets one copy of each. */
function byRange(dependencies) {
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, range]) => {
      return [name, name.startsWith('@lever/') && /^\d/.test(range) ? `^${range}` : range]
    }),
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const folder of publishedFolders()) {
    writeFileSync(`${folder}/package.json`, await manifestOf(folder))
    writeFileSync(`${folder}/LICENSE`, readFileSync('LICENSE'))
    const version = versionFileOf(folder)
    if (version !== undefined) writeFileSync(version.path, version.text)
  }
}
