import { cp, mkdir, readFile, rename } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { all, install, run, writeFiles } from './project.mjs'

const POLICY = `import { createModel, inspectCheckpoint, openPolicy, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'

const model = createModel({ architecture: 'mlp-cross-attention', settings: { dim: 4, hidden: 16 }, seed: 7 })
await writeCheckpoint('policy.safetensors', { model, info: { phase: 'init' } })
const read = await readCheckpoint('policy.safetensors')
if (read.model.parameters.size !== model.parameters.size) throw new Error('a checkpoint lost parameters')
await inspectCheckpoint('policy.safetensors')
const said = await openPolicy(model).then((policy) => policy.close(), (error) => error.message)
console.log(said ?? 'opened')
`

/** Without the runtime: checkpoints are read, what needs it says what to install, and nothing of it was installed. */
export async function checkWithoutRuntime(project, packages) {
  const heavy = ['@lever/cli', '@lever/selector', '@lever/server']
  const light = packages.filter(({ name }) => !heavy.includes(name))
  await install(project, Object.fromEntries(light.map(({ name, tarball }) => [name, `file:${tarball}`])))
  for (const name of ['onnxruntime-node', '@huggingface/transformers']) {
    if (existsSync(join(project, 'node_modules', name))) throw new Error(`${name} was installed unasked`)
  }
  await writeFiles(project, {
    'policy.mjs': POLICY,
    'model.mjs': `import { openEmbedder } from '@lever/vqa-model'
import { MODEL } from '@lever/shapes-vqa'
console.log(await openEmbedder({ model: MODEL }).then(() => 'opened', (error) => error.message))
`,
  })
  await all([
    expectOutput(
      project,
      'policy.mjs',
      /needs the package onnxruntime-node, .*npm install onnxruntime-node@1/,
    ),
    expectOutput(project, 'model.mjs', /needs the package .*, which is not installed: npm install /),
  ])
}

/**
 * Another version of the runtime that a project has for itself, loaded before ours: one error says what to do. The
 * version was installed under another name and is moved to where npm puts a second one.
 */
export async function checkTwoVersions(project) {
  const other = join(project, 'two')
  await mkdir(join(other, 'node_modules'), { recursive: true })
  await rename(join(project, 'node_modules/other-runtime'), join(other, 'node_modules/onnxruntime-node'))
  await writeFiles(other, {
    'theirs-first.mjs': `import 'onnxruntime-node'\n${POLICY}`,
    'ours-first.mjs': POLICY,
    'theirs-then-model.mjs': `import 'onnxruntime-node'
import { openVqaModel } from '@lever/vqa-model'
import { MODEL } from '@lever/shapes-vqa'
const opened = openVqaModel({ backend: 'onnx', model: MODEL })
console.log(await opened.then(() => 'opened', (error) => error.message))
`,
  })
  const two = /two copies of ONNX Runtime meet in this process.*"overrides"/
  await all([
    expectOutput(other, 'theirs-first.mjs', two),
    expectOutput(other, 'theirs-then-model.mjs', two),
    expectOutput(other, 'ours-first.mjs', /^opened$/),
  ])
}

async function expectOutput(folder, file, pattern) {
  const { stdout, stderr } = await run(folder, process.execPath, [file], { mayFail: true })
  if (!pattern.test(stdout.trim())) throw new Error(`${file} printed\n${stdout}${stderr}\nand not ${pattern}`)
}

/** The command from the installed package: both worlds, and a bundle of what the demo learned. */
export async function checkCommand(project, { full, readme }) {
  const demo = async (out, ...more) => {
    const { stdout, stderr } = await run(project, 'npx', ['lever', 'demo', '--out', out, ...more])
    if (/npm (warn|notice)/i.test(stderr)) throw new Error(`npx lever warns: ${stderr}`)
    if (!stdout.includes('Accuracy in per cent')) throw new Error(`lever demo printed no table:\n${stdout}`)
    return stdout
  }
  const [table] = await Promise.all([
    demo('runs/demo', ...(full ? [] : ['--queries', '16'])),
    demo('runs/composition', '--world', 'composition', '--queries', '8'),
  ])
  if (full) compareTable(table, readme)
  const world = 'node_modules/@lever/shapes-vqa/world'
  await run(project, 'npx', [
    ...['lever', 'bundle', '--policy', 'runs/demo/pointer-listwise/checkpoints/best.safetensors'],
    ...['--dataset', `${world}/train`, '--embeddings', 'runs/demo/embeddings/train.safetensors'],
    ...['--evaluation', 'runs/demo', '--out', 'runs/bundle'],
  ])
  await writeInputs(project, world)
}

/** Files that examples of READMEs name. */
async function writeInputs(project, world) {
  await cp(join(project, world, 'images/601.png'), join(project, 'photo.jpg'))
  const annotations = await readFile(join(project, world, 'test/annotations.json'), 'utf8')
  const results = JSON.parse(annotations).annotations.map(({ question_id, multiple_choice_answer }) => {
    return { question_id, answer: multiple_choice_answer }
  })
  await writeFiles(project, { 'annotations.json': annotations, 'results.json': results })
}

/** Every accuracy of the README's table is in the printed one; trained policies may differ by 3 points between machines. */
function compareTable(printed, readme) {
  const numbers = (text) => Array.from(text.matchAll(/(\d+\.\d) \[/g), ([, value]) => Number(value))
  const faults = []
  for (const line of readme.slice(readme.indexOf('<!-- demo -->')).split('\n')) {
    const [, name] = /^\| ([a-z][a-z0-9:-]*) +\|.*\d \[/.exec(line) ?? []
    if (name === undefined) continue
    const row = printed.split('\n').find((one) => one.split(' ')[0] === name) ?? ''
    const [said, found] = [numbers(line), numbers(row)]
    const near = said.every(
      (value, i) => Math.abs(value - found[i]) <= (name.startsWith('pointer') ? 3 : 0.05),
    )
    if (said.length !== found.length || !near) faults.push(`${name}: README ${said}, printed ${found}`)
  }
  if (faults.length > 0) throw new Error(`the demo's table is not the README's:\n${faults.join('\n')}`)
}

export const readReadme = () => readFile('README.md', 'utf8')
