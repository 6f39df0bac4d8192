import { describe, expect, test } from '@jest/globals'
import { deviceNames, openVqaModel, probeDevice, probeDevices } from '../src/index.ts'
import { deviceChecks } from '../src/devices/checks.ts'
import { executionProvider } from '../src/devices/devices.ts'
import type { OneDevice } from '../src/devices/devices.ts'
import { existsOn, readChecks } from '../src/devices/probe.ts'
import { remedyFor } from '../src/devices/remedy.ts'
import { resolveDevice } from '../src/devices/resolve.ts'
import { bundledModel } from './support/world.ts'

const report = (device: OneDevice, ok: boolean) =>
  ({
    device,
    status: ok ? 'ok' : 'failed',
    milliseconds: 1,
    checks: [],
    detail: 'x',
    remedy: 'do y',
  }) as const

test('every device gives a status; cpu works, and what does not work has a remedy', async () => {
  const reports = await probeDevices()
  expect(reports.map(({ device }) => device)).toEqual([...deviceNames])
  expect(reports[0]).toMatchObject({ device: 'cpu', status: 'ok', detail: '', remedy: '' })
  const names = ['MatMul', 'MatMul in float16', 'Conv', 'GroupQueryAttention', 'Loop']
  expect(reports[0]!.checks).toEqual(names.map((name) => ({ name, detail: '' })))
  for (const { status, detail, remedy } of reports) {
    expect(status === 'ok' ? detail + remedy : '').toBe('')
    if (status !== 'ok') expect([detail.length > 0, remedy.length > 0]).toEqual([true, true])
  }
  const foreign = reports.find(({ device }) => device === (process.platform === 'win32' ? 'coreml' : 'dml'))
  expect(foreign).toMatchObject({ status: 'absent' })
})

describe('resolveDevice', () => {
  const none = (): never => {
    throw new Error('no notice expected')
  }

  test('cpu is not tried', async () => {
    expect(await resolveDevice('cpu', none, none)).toBe('cpu')
  })

  test('a named device that does not work is an input error with the remedy', async () => {
    const failing = resolveDevice('cuda:1', none, (device) => Promise.resolve(report(device, false)))
    await expect(failing).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: 'vqa-model: device cuda:1 does not work here (x); do y',
    })
    expect(await resolveDevice('cuda:1', none, (device) => Promise.resolve(report(device, true)))).toBe(
      'cuda:1',
    )
  })

  test('auto takes what works and says so in one line', async () => {
    const lines: string[] = []
    const notice = (line: string): void => void lines.push(line)
    expect(await resolveDevice('auto', notice, (device) => Promise.resolve(report(device, true)))).toBe(
      'cuda',
    )
    expect(await resolveDevice('auto', notice, (device) => Promise.resolve(report(device, false)))).toBe(
      'cpu',
    )
    expect(lines[0]).toBe('device auto: cuda')
    expect(lines[1]).toMatch(/^device auto: cpu \(cuda does not work: do y/)
    expect(lines).toHaveLength(2)
  })

  test('an unknown device lists the known ones', async () => {
    // @ts-expect-error the compiler refuses it too
    await expect(resolveDevice('tpu', none)).rejects.toThrow(
      'choose one of cpu, cuda, webgpu, dml, coreml, auto',
    )
    expect(() => executionProvider('cuda:x')).toThrow('unknown device')
    expect(() => executionProvider('webgpu:1')).toThrow('webgpu takes no number')
    expect(executionProvider('webgpu')).toEqual({ name: 'webgpu' })
    expect(executionProvider('cuda:2')).toEqual({ name: 'cuda', deviceId: 2 })
  })
})

test('a device that ONNX Runtime does not have for a platform is absent there', () => {
  expect(existsOn('cuda', 'linux', 'x64')).toBe(true)
  for (const [platform, architecture] of [
    ['linux', 'arm64'],
    ['win32', 'x64'],
    ['darwin', 'arm64'],
  ] as const) {
    expect(existsOn('cuda', platform, architecture)).toBe(false)
  }
  expect(existsOn('webgpu', 'linux', 'arm64')).toBe(false)
  expect(existsOn('dml', 'win32', 'x64')).toBe(true)
})

test('cuda asked for and absent stops the opening', async () => {
  if ((await probeDevice('cuda')).status === 'ok') return
  const opening = openVqaModel({ backend: 'onnx', model: bundledModel, device: 'cuda' })
  await expect(opening).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  const lines: string[] = []
  const model = await openVqaModel({
    backend: 'onnx',
    model: bundledModel,
    device: 'auto',
    onNotice: (line) => lines.push(line),
  })
  expect(lines).toEqual([expect.stringMatching(/^device auto: cpu/)])
  await model.close()
})

test('remedies name what to do', () => {
  expect(remedyFor('webgpu', '')).toContain('Vulkan')
  expect(remedyFor('dml', '')).toContain('Windows')
  expect(remedyFor('coreml', '')).toContain('macOS')
  expect(remedyFor('cpu', '')).toContain('npm ci')
  const onLinux = process.platform === 'linux' && process.arch === 'x64'
  expect(remedyFor('cuda', '', false)).toMatch(onLinux ? /npm run cuda:install/ : /Linux x64 only/)
  const missing = (library: string): string =>
    remedyFor('cuda', `${library}: cannot open shared object file: No such file`, true)
  expect(missing('libcudnn.so.9')).toBe('run "npm run cuda:install", which brings libcudnn.so.9')
  expect(missing('libcublasLt.so.13')).toContain('brings libcublasLt.so.13')
  expect(missing('libcuda.so.1')).toMatch(/^install the NVIDIA driver, version 580 or later/)
  expect(missing('libother.so')).toContain('install what provides libother.so')
  expect(remedyFor('cuda', 'Conv: cuDNN library was not found', true)).toContain('brings libcudnn.so.9')
  expect(remedyFor('cuda', 'CUDA failure 100', true)).toContain('nvidia-smi')
})

describe('readChecks', () => {
  const [first, second, ...rest] = deviceChecks().map(({ name }) => name)
  const passed = `${JSON.stringify({ name: first, detail: '' })}\n`

  test('a process that crashes leaves its last words to the checks that it did not come to', () => {
    const checks = readChecks({ code: 'SIGSEGV', stdout: passed, stderr: 'warning\nout of memory\n\n' })
    expect(checks).toEqual([
      { name: first, detail: '' },
      ...[second, ...rest].map((name) => ({ name, detail: 'out of memory' })),
    ])
  })

  test('without words it is how the process ended', () => {
    const checks = readChecks({ code: 'SIGSEGV', stdout: passed, stderr: '' })
    expect(checks[1]).toEqual({ name: second, detail: 'the process ended with SIGSEGV' })
  })
})

test('why WebGPU failed is told: a missing loader, a missing library, no adapter', () => {
  const vulkan =
    "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory\n"
  const adapter = 'webgpu_context.cc:136 Failed to get a WebGPU adapter: No supported adapters '
  expect(remedyFor('webgpu', vulkan + adapter)).toMatch(
    /Vulkan loader libvulkan\.so\.1 is missing: install it/,
  )
  expect(remedyFor('webgpu', 'libX11.so.6: cannot open shared object file')).toContain('provides libX11.so.6')
  expect(remedyFor('webgpu', adapter)).toContain('found none (ONNX Runtime: No supported adapters); use')
  expect(remedyFor('webgpu', '')).toContain('found none; use --device cpu')
})
