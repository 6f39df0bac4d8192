import { InputError } from '@lever/durable-files'
import { preloadLibraries } from '@lever/onnx-grad/ort'
import { parseDevice, type Device, type DeviceName, type OneDevice } from './devices.ts'
import { probeDevice, type DeviceReport } from './probe.ts'

/**
 * The device to use, with the libraries that it needs loaded into this process. `auto` takes the first of cuda, dml (Windows) and cpu that works and tells
 * so in one line; a device asked for by name is never replaced.
 *
 * @throws InputError with the remedy when a named device does not work
 */
export async function resolveDevice(
  device: Device,
  onNotice: (line: string) => void,
  probe: (device: OneDevice) => Promise<DeviceReport> = probeDevice,
): Promise<OneDevice> {
  if (device === 'auto') {
    const reasons: string[] = []
    const fast: readonly DeviceName[] = process.platform === 'win32' ? ['cuda', 'dml'] : ['cuda']
    for (const name of fast) {
      const report = await probe(name)
      if (report.status === 'ok') {
        onNotice(`device auto: ${name}`)
        preloadLibraries(name)
        return name
      }
      const why = report.status === 'absent' ? report.detail : `${name} does not work: ${report.remedy}`
      reasons.push(why)
    }
    onNotice(`device auto: cpu (${reasons.join('; ')})`)
    return 'cpu'
  }
  const { name, index } = parseDevice(device)
  if (name === 'cpu') return 'cpu'
  const wanted: OneDevice = index === 0 ? name : `${name}:${index}`
  const report = await probe(wanted)
  if (report.status === 'ok') {
    preloadLibraries(wanted)
    return wanted
  }
  throw new InputError(`vqa-model: device ${wanted} does not work here (${report.detail}); ${report.remedy}`)
}
