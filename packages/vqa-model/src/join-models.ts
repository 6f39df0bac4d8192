import { addStats } from './stats.ts'
import type { BackendModel } from './types.ts'

/** Copies of one model as one: a call goes to the copy with the fewest calls under way. */
export function joinModels(models: readonly BackendModel[]): BackendModel {
  const [first] = models as [BackendModel, ...BackendModel[]]
  if (models.length === 1) return first
  const { name, protocol, protocolHash, needs, calls } = first
  const busy = new Map(models.map((model) => [model, 0]))
  const count = (model: BackendModel, change: number): void => void busy.set(model, busy.get(model)! + change)
  return {
    name,
    protocol,
    protocolHash,
    needs,
    calls: { ...calls, concurrency: calls.concurrency * models.length },
    async answer(prompts, options) {
      const model = models.reduce((a, b) => (busy.get(b)! < busy.get(a)! ? b : a))
      count(model, 1)
      try {
        return await model.answer(prompts, options)
      } finally {
        count(model, -1)
      }
    },
    stats: () => models.map((model) => model.stats()).reduce(addStats),
    async close() {
      for (const model of models) await model.close()
    },
  }
}
