import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** The layers of docs: a package imports only from lower ones, never sideways. */
const LAYERS: Readonly<Record<string, number>> = {
  'durable-files': 0,
  'shapes-vqa': 0,
  'reward-utils': 1,
  terminal: 1,
  'json-text': 1,
  'onnx-grad': 1,
  settings: 1,
  'vqa-eval': 2,
  'tensor-files': 2,
  'vqa-dataset': 3,
  'rl-dataset': 3,
  retrieval: 3,
  'pointer-model': 3,
  'vqa-model': 4,
  'grpo-trainer': 5,
  'rl-generate': 5,
  'icl-eval': 5,
  selector: 6,
  server: 7,
  cli: 8,
}

/** What each package may import from outside the repository. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  'reward-utils': [],
  'durable-files': [],
  'vqa-eval': [],
  'tensor-files': ['yauzl'],
  'vqa-dataset': ['hyparquet'],
  'json-text': [],
  settings: ['yaml'],
  terminal: ['string-width'],
  'onnx-grad': ['onnxruntime-node', '@bufbuild/protobuf'],
  'rl-dataset': ['ajv'],
  retrieval: ['usearch'],
  'pointer-model': [],
  'vqa-model': ['onnxruntime-node', '@huggingface/transformers', 'sharp'],
  'grpo-trainer': ['@bufbuild/protobuf'],
  'rl-generate': ['bullmq', 'ioredis', 'pg'],
  'icl-eval': [],
  selector: ['@langchain/core', 'ai'],
  server: ['fastify', 'pino', 'prom-client'],
  'shapes-vqa': [],
  cli: ['yargs', 'hyparquet', 'onnxruntime-node', '@huggingface/transformers'],
}

interface PackageJson {
  name: string
  private?: boolean
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const folders = [
  ...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name)),
  ...readdirSync(join(ROOT, 'apps')).map((name) => join('apps', name)),
].filter((folder) => readdirSync(join(ROOT, folder)).includes('package.json'))

const json = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))

describe.each(folders.filter((folder) => folder !== 'apps/examples'))('%s', (folder) => {
  const name = folder.split('/')[1]!
  const layer = LAYERS[name]!
  const { dependencies = {}, peerDependencies = {}, ...own } = json(`${folder}/package.json`) as PackageJson
  const depends = Object.keys({ ...dependencies, ...peerDependencies })
  const imported = importsOf(join(ROOT, folder, 'src'))
  const importedFromOutside = [...imported].filter((one) => !one.startsWith('@lever/'))

  test('is in the table', () => {
    expect(layer).toBeDefined()
    expect(own.name).toBe(`@lever/${name}`)
  })

  test('depends on lower layers only', () => {
    const found = depends.filter((one) => one.startsWith('@lever/')).map((one) => one.slice('@lever/'.length))
    expect(found.filter((one) => !((LAYERS[one] ?? Infinity) < layer))).toEqual([])
  })

  test('its references are its dependencies', () => {
    const { references = [] } = json(`${folder}/tsconfig.json`) as { references?: { path: string }[] }
    const found = references.map(({ path }) => `@lever/${path.split('/').at(-1)!}`).sort()
    expect(found).toEqual(depends.filter((one) => one.startsWith('@lever/')).sort())
  })

  test('imports what it declares', () => {
    expect([...imported].filter((one) => !depends.includes(one) && one !== own.name)).toEqual([])
  })

  test('imports nothing else from outside', () => {
    const outside = Object.keys(dependencies).filter((one) => !one.startsWith('@lever/'))
    expect([...outside, ...importedFromOutside].filter((one) => !OUTSIDE[name]!.includes(one))).toEqual([])
  })
})

test.each(readdirSync(join(ROOT, 'packages')))('%s exports the InputError that it throws', (name) => {
  const folder = join(ROOT, 'packages', name, 'src')
  const throws = sourcesOf(folder).some((file) =>
    /new InputError\(|refuseUnknown\w+\(/.test(readFileSync(file, 'utf8')),
  )
  const entry = readFileSync(join(folder, 'index.ts'), 'utf8')
  expect(/^export \{[^}]*\bInputError, isInputError\b/m.test(entry)).toBe(throws)
})

test('no package asks for the class of an InputError, which another copy of it would not have', () => {
  const found = folders
    .flatMap((folder) => sourcesOf(join(ROOT, folder, 'src')))
    .filter((file) => readFileSync(file, 'utf8').includes('instanceof InputError'))
  expect(found).toEqual([])
})

test('onnx-grad imports the runtime in one file', () => {
  const files = sourcesOf(join(ROOT, 'packages/onnx-grad/src')).filter((file) =>
    readFileSync(file, 'utf8').includes("'onnxruntime-node'"),
  )
  expect(files).toHaveLength(1)
})

test('no package reaches for files of the repository around it, which is not there once it is installed', () => {
  const isPublished = (folder: string): boolean =>
    (json(`${folder}/package.json`) as PackageJson).private !== true
  const found = folders.filter(isPublished).flatMap((folder) => {
    const source = join(ROOT, folder, 'src')
    return sourcesOf(source).flatMap((file) => {
      const depth = relative(join(ROOT, folder), file).split(sep).length - 1
      return Array.from(readFileSync(file, 'utf8').matchAll(/new URL\(\s*['"`]((?:\.\.\/)+)/g))
        .filter(([, up = '']) => up.length / 3 > depth)
        .map(([text]) => `${file}: ${text}`)
    })
  })
  expect(found).toEqual([])
})

/** Names of the packages that sources import: static, type-only and dynamic imports. */
function importsOf(folder: string): Set<string> {
  const found = new Set<string>()
  for (const file of sourcesOf(folder)) {
    const text = readFileSync(file, 'utf8')
    for (const [, name = ''] of text.matchAll(
      /(?:^\s*(?:import|export)\b[^'"`;]*?from\s+|\bimport\(\s*|^import\s+)['"]([^'"]+)['"]/gm,
    )) {
      if (name.startsWith('.') || name.startsWith('node:')) continue
      found.add(
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      )
    }
  }
  return found
}

function sourcesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return sourcesOf(path)
    return name.endsWith('.ts') && !name.endsWith('.d.ts') ? [path] : []
  })
}
