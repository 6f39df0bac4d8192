import { file } from './file.ts'
import { library } from './library.ts'
import { mixed } from './mixed.ts'
import { random } from './random.ts'
import { bothSimilar, imageSimilar, textSimilar } from './similar.ts'
import type { PoolMethod } from './types.ts'

/** How a pool is chosen, by name. */
export const POOL_METHOD_NAMES = [
  'random',
  'text-similar',
  'image-similar',
  'both-similar',
  'mixed',
  'library',
  'file',
] as const

export type PoolMethodName = (typeof POOL_METHOD_NAMES)[number]

/** The pool methods: a file, a name above and its entry here make a method. */
export const POOL_METHODS: Readonly<Record<PoolMethodName, PoolMethod>> = {
  random,
  'text-similar': textSimilar,
  'image-similar': imageSimilar,
  'both-similar': bothSimilar,
  mixed,
  library,
  file,
}
