import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const SOURCE = fileURLToPath(new URL('../src', import.meta.url))

/** The order of the folders: a file imports from its own folder and from those before it. Stages are numbered by use. */
const ORDER = [
  'small files',
  'options',
  'pipeline/inputs',
  'pipeline/model',
  'pipeline/policy',
  'pipeline/beams',
  'pipeline/generate',
  'pipeline/pilot',
  'pipeline/train',
  'pipeline/improve',
  'pipeline/evaluate',
  'pipeline/sweep',
  'pipeline/report',
  'pipeline/demo',
  'pipeline/serve',
  'commands',
  'shell',
]

/** Files in the root of the command that know all commands. */
const SHELL = ['cli.ts', 'help.ts', 'command-thread.ts', 'main.ts']

function folderOf(file: string): string {
  const path = relative(SOURCE, file)
  if (!path.includes('/')) return SHELL.includes(path) ? 'shell' : 'small files'
  return path.startsWith('pipeline/') ? path.split('/').slice(0, 2).join('/') : path.split('/')[0]!
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SOURCE, name))

test('every file is in a folder of the order', () => {
  expect(files.map(folderOf).filter((folder) => !ORDER.includes(folder))).toEqual([])
  expect(ORDER.filter((folder) => !files.some((file) => folderOf(file) === folder))).toEqual([])
})

test('no import goes against the order of the folders', () => {
  const found = files.flatMap((file) => {
    const imports = readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\(|^import)\s*'(\.[^']+)'/gm)
    return Array.from(imports, ([, path]) => join(dirname(file), path!))
      .filter((other) => ORDER.indexOf(folderOf(other)) > ORDER.indexOf(folderOf(file)))
      .map((other) => `${relative(SOURCE, file)} imports ${relative(SOURCE, other)}`)
  })
  expect(found).toEqual([])
})
