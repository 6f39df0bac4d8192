// node scripts/consumer.mjs [--full] [--keep DIR]: are the packages what a stranger needs? Packs them all, installs the
// tarballs into an empty project with nothing but the registry, and uses them: import and require of every entry on three
// versions of Node, strict type checks by two of TypeScript, the examples of the READMEs, a unit test under five test
// runners, `npx lever demo`, two versions of ONNX Runtime in one process, and what each weighs.
// --full runs the whole demo and compares its table with the README's. The checks run side by side, as many programs at a
// time as there are cores.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pack } from './pack.mjs'
import { NOT_RUN, runExamples, writeExamples } from './consumer/examples.mjs'
import { checkImports, entriesOf } from './consumer/imports.mjs'
import { all, install } from './consumer/project.mjs'
import { checkRunners } from './consumer/runners.mjs'
import { checkCommand, checkTwoVersions, checkWithoutRuntime, readReadme } from './consumer/runtime.mjs'
import { checkSizes } from './consumer/sizes.mjs'
import { checkTypes } from './consumer/types.mjs'

/** What a consumer has besides our packages. */
const TOOLS = {
  ...{ jest: '30.5.2', '@babel/preset-env': '7.29.14', 'ts-jest': '29.4.15' },
  ...{ '@swc/core': '1.16.22', '@swc/jest': '0.2.39', vitest: '4.1.12' },
  ...{
    typescript: '5.4.5',
    'typescript-5.4': 'npm:typescript@5.4.5',
    'typescript-current': 'npm:typescript@7.0.2',
  },
  '@types/node': '20.19.43',
}

/** Optional peers that examples need. */
const PEERS = {
  usearch: '2.25.3',
  hyparquet: '1.31.5',
  bullmq: '6.7.0',
  '@langchain/core': '1.4.0',
  ai: '6.0.325',
}

/** Node as packages of the registry, one per platform; the running Node is the third. */
const NODES = { 20: '20.20.2', 22: '22.23.5', 24: '24.22.3' }

/** Another version of the runtime, for a project that has two; installed aside, for one install is quicker than two. */
const OTHER_RUNTIME = { 'other-runtime': 'npm:onnxruntime-node@1.29.0' }

const { values: options } = parseArgs({
  options: { full: { type: 'boolean', default: false }, keep: { type: 'string' } },
})
const root =
  options.keep === undefined ? await mkdtemp(join(tmpdir(), 'lever-consumer-')) : resolve(options.keep)
const project = join(root, 'all')

let failed = false
try {
  await checkAll()
} catch (error) {
  failed = true
  console.error(`consumer: ${error.message}`)
} finally {
  if (options.keep === undefined) await rm(root, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)

async function checkAll() {
  const packages = await step('pack', () => pack(join(root, 'tarballs')))
  const tarballs = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]))
  const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const others = Object.entries(NODES).filter(([major]) => !process.version.startsWith(`v${major}.`))
  const otherNodes = Object.fromEntries(
    others.map(([major, version]) => [`node${major}`, `npm:${platform}@${version}`]),
  )

  await step('install', () =>
    install(project, { ...tarballs, ...TOOLS, ...PEERS, ...otherNodes, ...OTHER_RUNTIME }),
  )
  const nodes = [
    { version: process.version, path: process.execPath },
    ...others.map(([major, version]) => ({
      version,
      path: join(project, `node_modules/node${major}/bin/node`),
    })),
  ]
  const entries = entriesOf(project, packages)
  const examples = await writeExamples(project, packages)
  for (const [id, why] of Object.entries(NOT_RUN)) console.log(`consumer: example ${id} is not run: ${why}`)
  const versions = nodes.map(({ version }) => version).join(', ')
  await all([
    commandAndExamples(examples, nodes),
    step(`types of ${entries.length} entries and ${examples.length} examples`, () =>
      checkTypes(project, entries, examples),
    ),
    step('test runners', () => checkRunners(project, nodes)),
    step(`${entries.length} entries, import and require on Node ${versions}`, () =>
      checkImports(project, entries, nodes),
    ),
    step(`sizes of ${packages.length} packages`, () => checkSizes(project, packages)),
    step('without the runtime', () => checkWithoutRuntime(join(root, 'light'), packages)),
    step('two versions of the runtime', () => checkTwoVersions(project)),
  ])
}

/** Examples read what the command wrote, and share a folder: one after the other. */
async function commandAndExamples(examples, nodes) {
  await step('the command', async () =>
    checkCommand(project, { full: options.full, readme: await readReadme() }),
  )
  for (const node of nodes)
    await step(`examples on Node ${node.version}`, () => runExamples(project, examples, node))
}

/** Runs a part and says how long it took; other parts ran meanwhile. */
async function step(name, work) {
  const start = performance.now()
  const result = await work()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`consumer: ${name}: ${seconds} s`)
  return result
}
