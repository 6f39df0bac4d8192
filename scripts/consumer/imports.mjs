import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { all, run, writeFiles } from './project.mjs'

/** Specifiers of all entries that can be imported from the installed packages. */
export function entriesOf(project, packages) {
  return packages.flatMap(({ name }) => {
    const { exports } = JSON.parse(readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'))
    return Object.keys(exports)
      .filter((entry) => entry !== './package.json')
      .map((entry) => name + entry.slice(1))
  })
}

/** Every entry by `import` and by `require`, on every Node: both give the same values, and something. */
export async function checkImports(project, entries, nodes) {
  const lines = entries.map((entry, i) => `import * as e${i} from '${entry}'`)
  await writeFiles(project, {
    'imports/all.mjs': `${lines.join('\n')}
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
for (const [entry, esm] of Object.entries({ ${entries.map((entry, i) => `'${entry}': e${i}`).join(', ')} })) {
  const cjs = require(entry)
  const names = Object.keys(esm)
  if (names.length === 0) throw new Error(entry + ' exports nothing')
  const other = names.filter((name) => esm[name] !== cjs[name])
  if (other.length > 0) throw new Error(entry + ': import and require give two copies of ' + other.join(', '))
}
`,
    'imports/all.cjs': `${entries.map((entry) => `if (Object.keys(require('${entry}')).length === 0) throw new Error('${entry}')`).join('\n')}\n`,
  })
  const check = async (node, file) => {
    const { stderr } = await run(project, node.path, [file])
    if (stderr !== '') throw new Error(`${file} on Node ${node.version} warns: ${stderr}`)
  }
  await all(nodes.flatMap((node) => ['imports/all.mjs', 'imports/all.cjs'].map((file) => check(node, file))))
}
