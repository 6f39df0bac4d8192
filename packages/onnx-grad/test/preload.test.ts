import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { preloadBeside } from '../src/preload.ts'

/** A folder with files, and beside it a provider that is a link to one of them. */
function installed(names: readonly string[]): { cache: string; provider: string } {
  const folder = mkdtempSync(join(tmpdir(), 'onnx-grad-'))
  const cache = join(folder, 'cache')
  mkdirSync(cache)
  for (const name of [...names, 'p.so']) writeFileSync(join(cache, name), '')
  symlinkSync(join(cache, 'p.so'), join(folder, 'provider.so'))
  return { cache, provider: join(folder, 'provider.so') }
}

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('what lies beside the target of the link is taken in the order of needs, and only for cuda', () => {
  const names = ['libcudnn.so.9', 'libcudnn_ops.so.9', 'libcublas.so.13', 'libcublasLt.so.13', 'libz.so.1']
  const { provider } = installed(names)
  expect(preloadBeside('cuda:1', provider)).toEqual(['libcublasLt.so.13', 'libcublas.so.13', 'libcudnn.so.9'])
  expect(preloadBeside('cpu', provider)).toEqual([])
  expect(preloadBeside('cuda', `${provider}.absent`)).toEqual([])
})

onLinux('a library that was preloaded stays in the process', () => {
  const { cache, provider } = installed([])
  const path = join(cache, 'libcurand.so.10')
  const [anyLibrary] = /\/\S*\/libm[.-]\S*so\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))!
  copyFileSync(anyLibrary, path)
  expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain(path)
  preloadBeside('cuda', provider)
  expect(readFileSync('/proc/self/maps', 'utf8')).toContain(path)
})
