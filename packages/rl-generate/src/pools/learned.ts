import { similarRows } from './similar.ts'
import type { PoolMethod } from './types.ts'

/** The N candidates that a policy which searches a library ranks first. */
export const learned: PoolMethod = {
  needs: ['learned'],
  build: (context) => similarRows(context, 'learned', context.size),
}
