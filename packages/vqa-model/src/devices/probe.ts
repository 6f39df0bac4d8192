import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { deviceNames, parseDevice, type DeviceName } from './devices.ts'
import { remedyFor } from './remedy.ts'

export interface DeviceReport {
  device: string
  status: 'ok' | 'absent' | 'failed'
  /** time from the start of a process to its first result, milliseconds */
  milliseconds: number
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
 * Tries a device with a tiny graph, in a process of its own: a provider library that crashes
 * takes nothing with it, and what it writes to stderr (the name of a missing library) is read.
 */
export async function probeDevice(device: string): Promise<DeviceReport> {
  const { name } = parseDevice(device)
  if (!existsOn(name)) {
    const detail = `ONNX Runtime for Node has ${name} on ${PLATFORMS[name].join(', ')} only, this is ${process.platform} ${process.arch}`
    return { device, status: 'absent', milliseconds: 0, detail, remedy: remedyFor(name, detail) }
  }
  const start = performance.now()
  const { code, output } = await runChild(device)
  const milliseconds = Math.round(performance.now() - start)
  if (code === 0) return { device, status: 'ok', milliseconds, detail: '', remedy: '' }
  const detail =
    output
      .split('\n')
      .filter((line) => line.trim() !== '')
      .at(-1)
      ?.trim() ?? `the process ended with ${code}`
  return { device, status: 'failed', milliseconds, detail, remedy: remedyFor(name, output) }
}

/** Tries every device that ONNX Runtime may have on this machine. Never throws. */
export async function probeDevices(devices: readonly string[] = deviceNames): Promise<DeviceReport[]> {
  return Promise.all(devices.map(probeDevice))
}

function runChild(device: string): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CHILD, device], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({
        code: error === null ? 0 : (error.code ?? error.signal ?? 1),
        output: `${stdout}\n${stderr}`,
      })
    })
  })
}
