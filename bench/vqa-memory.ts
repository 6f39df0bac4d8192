import { fileURLToPath } from 'node:url'
import { createRandom } from '@lever/reward-utils'
import { openVqaModel } from '@lever/vqa-model'
import { bundledWorld, pairs } from './vqa-model.ts'

export interface VqaMemoryFigures {
  /** Memory of the process and what the garbage collector holds after so many prompts, in MiB. */
  after: { prompts: number; resident: number; heap: number; buffers: number }[]
  peakKvMiB: number
  kvBudgetMiB: number
}

/**
 * Memory of the bundled model over many calls of 500 prompts, with a budget of 2 MiB for keys and values: after the first
 * calls nothing grows. `node --expose-gc` makes the figures of the garbage collector exact.
 */
export async function run({ prompts: count = 10_000, calls = 500 } = {}): Promise<VqaMemoryFigures> {
  const { model, world } = await bundledWorld()
  const kvBytes = 2 * 2 ** 20
  const opened = await openVqaModel({ backend: 'onnx', model, threads: 1, kvBytes })
  const random = createRandom(3, 'bench')
  const shared = { demonstrations: random.sample(world.demonstrations, 64) }
  const after: VqaMemoryFigures['after'] = []
  for (let prompts = 0; prompts < count;) {
    const queries = random.sample(world.queries, 20)
    const asked = pairs({ ...shared, queries }, calls / 20, (n) => random.int(n))
    await opened.answer(asked)
    prompts += asked.length
    if (prompts % (count / 10) !== 0) continue
    ;(globalThis as { gc?: () => void }).gc?.()
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
    const [resident, heap, buffers] = [rss, heapUsed, arrayBuffers].map((bytes) =>
      Math.round(bytes / 2 ** 20),
    )
    after.push({ prompts, resident: resident!, heap: heap!, buffers: buffers! })
  }
  const { peakKvBytes } = opened.stats()
  await opened.close()
  return { after, peakKvMiB: peakKvBytes / 2 ** 20, kvBudgetMiB: kvBytes / 2 ** 20 }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await run(), null, 2))
