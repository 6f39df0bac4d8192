import { drawRows } from './random.ts'
import { similarRows } from './similar.ts'
import type { PoolMethod } from './types.ts'

/** A quarter most similar by text, a quarter by image, the rest (at least half) random. */
export const mixed: PoolMethod = {
  needs: ['text', 'image'],
  async build(context) {
    const quarter = Math.floor(context.size / 4)
    const text = await similarRows(context, 'text', quarter)
    const image = await similarRows(context, 'image', 2 * quarter)
    return context.queries.map((query, i) => {
      const chosen = new Set(text[i])
      for (const row of image[i]!) {
        if (chosen.size === text[i]!.length + quarter) break
        chosen.add(row)
      }
      return [...chosen, ...drawRows(context, query, context.size - chosen.size, chosen)]
    })
  },
}
