import { InputError } from '@lever/durable-files'

/** Execution providers that Node builds of ONNX Runtime know. */
export const deviceNames = ['cpu', 'cuda', 'webgpu', 'dml', 'coreml'] as const

/** A name of an execution provider. */
export type DeviceName = (typeof deviceNames)[number]

/** A device; `cuda:1` for a numbered one. */
export type OneDevice = DeviceName | `${DeviceName}:${number}`

/** A device, or `auto`: the fastest that works. */
export type Device = OneDevice | 'auto'

/** One device, or several with commas between, as in `cuda:0,cuda:1`. */
export type Devices = Device | `${Device},${string}`

/** @throws InputError for an unknown device, and for none at all */
export function parseDevices(text: string): readonly Device[] {
  const devices = text.split(',').map((device) => device.trim())
  if (devices.includes('')) {
    throw new InputError(`vqa-model: the device is "${text}"; give one, or several as a,b`)
  }
  for (const device of devices) if (device !== 'auto') parseDevice(device)
  return devices as Device[]
}

export function parseDevice(device: string): { name: DeviceName; index: number } {
  const [, name = '', index = '0'] = /^(\w+?)(?::(\d+))?$/.exec(device) ?? []
  if ((deviceNames as readonly string[]).includes(name))
    return { name: name as DeviceName, index: Number(index) }
  throw new InputError(`vqa-model: unknown device "${device}"; choose one of ${deviceNames.join(', ')}, auto`)
}

/** The entry of `executionProviders` for a device. @throws InputError for an unknown one */
export function executionProvider(device: string): { name: string; deviceId?: number } {
  const { name, index } = parseDevice(device)
  if (name === 'cuda' || name === 'dml') return { name, deviceId: index }
  if (index === 0) return { name }
  throw new InputError(`vqa-model: device "${device}": ${name} takes no number; use ${name}`)
}
