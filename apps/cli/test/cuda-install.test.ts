import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { scratch } from './support/lever.ts'

const SCRIPT = fileURLToPath(new URL('../../../scripts/cuda-install.mjs', import.meta.url))

interface Ran {
  code: number
  stdout: string
  stderr: string
}

function install(args: readonly string[], env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [SCRIPT, ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

test('a dry run lists every wheel with its size and downloads nothing', async () => {
  const cache = scratch()
  const { code, stdout } = await install(['--dry-run'], {
    LEVER_CACHE: cache,
    PIP_INDEX_URL: 'http://localhost:1',
  })
  expect(code).toBe(0)
  expect(stdout).toContain('needs NVIDIA driver 580 or later')
  for (const wheel of ['onnxruntime_gpu-1.30.0', 'nvidia_cublas-13', 'nvidia_cudnn_cu13-9']) {
    expect(stdout).toMatch(new RegExp(`\\d MB  ${wheel}`))
  }
  expect(stdout).toContain('1,384 MB to download, 1,870 MB on disk')
  expect(readdirSync(cache)).toEqual([])
})

test('an unknown option is refused with the help, and where nothing is installed nothing is removed', async () => {
  const env = { LEVER_CACHE: scratch() }
  const unknown = await install(['--dry'], env)
  expect(unknown.code).toBe(2)
  expect(unknown.stderr).toContain('--dry-run')
  const removed = await install(['--remove'], env)
  expect([removed.code, removed.stdout]).toEqual([0, expect.stringContaining(join(env.LEVER_CACHE, 'cuda'))])
})

const onLinux = process.platform === 'linux' && process.arch === 'x64' ? test : test.skip

onLinux('an index that is away, or forbidden, is an error with the remedy', async () => {
  const env = { LEVER_CACHE: scratch(), PIP_INDEX_URL: 'http://name:secret@localhost:1/simple/' }
  const away = await install([], { ...env, LEVER_OFFLINE: '', HF_HUB_OFFLINE: '' })
  expect(away.code).toBe(2)
  expect(away.stderr).toMatch(
    /cannot reach http:\/\/localhost:1\/simple\/onnxruntime-gpu\/: .*; set PIP_INDEX_URL/,
  )
  expect(away.stderr).not.toContain('secret')
  const offline = await install([], { ...env, LEVER_OFFLINE: '1' })
  expect(offline.code).toBe(2)
  expect(offline.stderr).toContain('LEVER_OFFLINE is set, so nothing is downloaded')
})
