import { drawRows } from './random.ts'
import { similarRows } from './similar.ts'
import type { PoolMethod } from './types.ts'

/** A quarter most similar by image and question together, a quarter by question, a quarter by image, the rest random. */
export const mixed: PoolMethod = {
  needs: ['text', 'image'],
  async build(context) {
    const quarter = Math.floor(context.size / 4)
    const ranked = [
      await similarRows(context, 'both', quarter),
      await similarRows(context, 'text', 2 * quarter),
      await similarRows(context, 'image', 3 * quarter),
    ]
    return context.queries.map((query, i) => {
      const chosen = new Set<number>()
      ranked.forEach((rows, kind) => {
        for (const row of rows[i]!) {
          if (chosen.size >= (kind + 1) * quarter) break
          chosen.add(row)
        }
      })
      return [...chosen, ...drawRows(context, query, context.size - chosen.size, chosen)]
    })
  },
}
