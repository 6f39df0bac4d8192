import { InputError } from '@lever/durable-files'
import type { VqaModel, VqaModelStats } from '@lever/vqa-model'
import type { Progress } from '../../progress.ts'
import type { ModelChoice } from './model.ts'
import { openModel } from './model.ts'

/** A model on one device, or copies of it on several that answer different calls. */
export interface Models {
  readonly model: VqaModel
  /** How many there are: so many calls are worked on at a time. */
  readonly copies: number
}

/**
 * Opens the model on every device of a list such as `cuda:0,cuda:1`.
 * @throws InputError when the model cannot be opened on one of them
 */
export async function openModels(choice: ModelChoice, progress: Progress): Promise<Models> {
  const given = choice.device?.split(',').map((device) => device.trim())
  const devices: readonly (string | undefined)[] = given ?? [undefined]
  if (devices.includes(''))
    throw new InputError(`--device is "${choice.device!}"; give one, or several as a,b`)
  const opened: VqaModel[] = []
  try {
    for (const device of devices) opened.push(await openModel({ ...choice, device }, progress))
  } catch (error) {
    for (const model of opened) await model.close()
    throw error
  }
  return { model: opened.length === 1 ? opened[0]! : joined(opened), copies: opened.length }
}

function joined(models: readonly VqaModel[]): VqaModel {
  const { name, protocol, protocolHash } = models[0]!
  const busy = new Map(models.map((model) => [model, 0]))
  const work = (model: VqaModel, change: number): void => void busy.set(model, busy.get(model)! + change)
  return {
    name,
    protocol,
    protocolHash,
    async answer(prompts, options) {
      const model = models.reduce((a, b) => (busy.get(b)! < busy.get(a)! ? b : a))
      work(model, 1)
      try {
        return await model.answer(prompts, options)
      } finally {
        work(model, -1)
      }
    },
    stats: () => models.map((model) => model.stats()).reduce(added),
    async close() {
      for (const model of models) await model.close()
    },
  }
}

function added(a: VqaModelStats, b: VqaModelStats): VqaModelStats {
  const sum = { ...a }
  for (const key of Object.keys(sum) as (keyof VqaModelStats)[]) sum[key] += b[key]
  return { ...sum, peakKvBytes: Math.max(a.peakKvBytes, b.peakKvBytes) }
}
