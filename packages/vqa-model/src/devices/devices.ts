import { InputError } from '@lever/durable-files'

/** Execution providers that Node builds of ONNX Runtime know. */
export const deviceNames = ['cpu', 'cuda', 'webgpu', 'dml', 'coreml'] as const

/** A name of an execution provider. */
export type DeviceName = (typeof deviceNames)[number]

/** A device, `cuda:1` for a numbered one, or `auto`: the fastest that works. */
export type Device = DeviceName | `${DeviceName}:${number}` | 'auto'

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
