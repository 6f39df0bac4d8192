import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, writeFiles } from './project.mjs'

/** An example of the repository's sources, which no tarball holds. */
const OF_THE_REPOSITORY = '@lever/shapes-vqa-2'

/** Examples that are not run, and why. All but the one of the repository are type checked. */
export const NOT_RUN = {
  '@lever/grpo-trainer-2':
    'it trains and sweeps over the files of a run, for minutes; the tests of the command do that',
  '@lever/selector-3':
    'it asks a hosted model, which needs a key; adapters.test.ts of the package asks a model of its own',
  [OF_THE_REPOSITORY]: 'it imports sources of this repository, which are not published',
}

/** The examples in TypeScript and JavaScript of the installed READMEs, each a file of the project. */
export async function writeExamples(project, packages) {
  const examples = []
  for (const { name } of packages) {
    const readme = readFileSync(join(project, 'node_modules', name, 'README.md'), 'utf8')
    const blocks = Array.from(readme.matchAll(/^```(js|ts)\n([^]*?)^```$/gm))
    for (const [i, [, language, code]] of blocks.entries()) {
      const id = `${name}-${i + 1}`
      const path = `readme/${id.replace('@lever/', '')}.${language}`
      await writeFiles(project, { [path]: `${code}\nexport {}\n` })
      examples.push({ id, path })
    }
  }
  return examples.filter(({ id }) => id !== OF_THE_REPOSITORY)
}

/** Runs the examples, in one folder, on one Node; they may leave files. TypeScript is only stripped. */
export async function runExamples(project, examples, node) {
  const { transform } = await import('esbuild')
  for (const { id, path } of examples.filter((one) => !(one.id in NOT_RUN))) {
    const { code } = await transform(readFileSync(join(project, path), 'utf8'), { loader: 'ts' })
    const file = path.replace(/\.[jt]s$/, '.run.mjs')
    await writeFiles(project, { [file]: code })
    await run(project, node.path, [file]).catch((error) => {
      throw new Error(`example ${id} on Node ${node.version}: ${error.message}`)
    })
  }
}
