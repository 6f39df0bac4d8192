import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { deviceChecks } from './checks.ts'
import { deviceNames, parseDevice, type DeviceName, type OneDevice } from './devices.ts'
import { remedyFor } from './remedy.ts'
import type { CheckResult } from './try-device.ts'

/** What one execution provider can do on this machine. */
export interface DeviceReport {
  device: OneDevice
  status: 'ok' | 'absent' | 'failed'
  /** time of a process that runs all checks, milliseconds */
  milliseconds: number
  /** operators that models use, in the order in which they were tried, each with what went wrong or an empty text */
  checks: readonly CheckResult[]
  /** what ONNX Runtime or the system says; empty when it works */
  detail: string
  /** what to do; empty when it works */
  remedy: string
}

const CHILD = fileURLToPath(
  new URL('./try-device-child.js', import.meta.url.replace('/vqa-model/src/', '/vqa-model/dist/')),
)

/** Where onnxruntime-node 1.30 has a provider: platform, or platform and architecture. */
const PLATFORMS: Record<DeviceName, readonly string[]> = {
  cpu: ['linux', 'win32', 'darwin'],
  cuda: ['linux x64'],
  webgpu: ['linux x64', 'win32', 'darwin'],
  dml: ['win32'],
  coreml: ['darwin'],
}

/** Whether and where a device exists for a platform. */
export function existsOn(
  name: DeviceName,
  platform: string = process.platform,
  architecture: string = process.arch,
): boolean {
  return PLATFORMS[name].some((place) => place === platform || place === `${platform} ${architecture}`)
}

/**
 * Tries a device with one small graph for each operator that models use, in a process of its own: a provider
 * library that crashes takes nothing with it, and what it writes to stderr (the name of a missing library) is read.
 */
export async function probeDevice(device: OneDevice): Promise<DeviceReport> {
  const { name } = parseDevice(device)
  if (!existsOn(name)) {
    const detail = `ONNX Runtime for Node has ${name} on ${PLATFORMS[name].join(', ')} only, this is ${process.platform} ${process.arch}`
    return { device, status: 'absent', milliseconds: 0, checks: [], detail, remedy: remedyFor(name, detail) }
  }
  const start = performance.now()
  const ended = await runChild(device)
  const milliseconds = Math.round(performance.now() - start)
  const checks = readChecks(ended)
  const failed = checks.filter((check) => check.detail !== '')
  if (failed.length === 0) return { device, status: 'ok', milliseconds, checks, detail: '', remedy: '' }
  const missing = /\S+: cannot open shared object file/.exec(ended.stderr)?.[0]
  const detail = describeFailures(failed, checks.length) + (missing === undefined ? '' : ` (${missing})`)
  const remedy = remedyFor(name, `${ended.stderr}\n${detail}`)
  return { device, status: 'failed', milliseconds, checks, detail, remedy }
}

/** One reason where everything fails for the same one, else each operator with its own. */
function describeFailures(failed: readonly CheckResult[], tried: number): string {
  const reasons = new Set(failed.map(({ detail }) => detail))
  if (failed.length === tried && reasons.size === 1) return [...reasons].join()
  return failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
}

/** Results of all checks; a process that ended early leaves its reason to the first that has none. */
export function readChecks({ code, stdout, stderr }: Ended): CheckResult[] {
  const told = stdout.split('\n').filter((line) => line.startsWith('{'))
  const results = told.map((line) => JSON.parse(line) as CheckResult)
  const names = deviceChecks().map(({ name }) => name)
  const lastLine = stderr
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '')
  const why = lastLine ?? `the process ended with ${code}`
  const untold = names.slice(results.length).map((name) => ({ name, detail: why }))
  return [...results, ...untold]
}

/** Tries every device that ONNX Runtime may have on this machine. Never throws. */
export async function probeDevices(devices: readonly OneDevice[] = deviceNames): Promise<DeviceReport[]> {
  return Promise.all(devices.map(probeDevice))
}

/** How the process that tries a device ended. */
export interface Ended {
  code: number | string
  stdout: string
  stderr: string
}

function runChild(device: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CHILD, device], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 1), stdout, stderr })
    })
  })
}
