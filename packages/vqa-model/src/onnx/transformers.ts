import type * as Transformers from '@huggingface/transformers'
import { cacheFolder } from '../hub/places.ts'

export type { Transformers }

/**
 * transformers.js, imported on first use. Its cache is moved out of node_modules, to
 * `LEVER_CACHE` or `~/.cache/lever`.
 */
export async function loadTransformers(): Promise<typeof Transformers> {
  process.env['ORT_DISABLE_TELEMETRY'] = '1'
  const transformers = await import('@huggingface/transformers')
  transformers.env.cacheDir = cacheFolder()
  return transformers
}
