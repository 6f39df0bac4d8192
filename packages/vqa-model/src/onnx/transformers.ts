import { withRuntime } from '@lever/onnx-grad/ort'
import type * as Transformers from '@huggingface/transformers'
import { cacheFolder } from '../hub/places.ts'

export type { Transformers }

/** What it is tested with, and what the peer dependency asks for: another may cut texts or pixels otherwise. */
const VERSION = '4.3.1'

/**
 * transformers.js, imported on first use. Its cache is moved out of node_modules, to
 * `LEVER_CACHE` or `~/.cache/lever`.
 *
 * @throws Error that says what to install when it is missing, or as `loadOrt` when it has another copy of ONNX Runtime.
 */
export async function loadTransformers(): Promise<typeof Transformers> {
  const transformers = await withRuntime(() => import('@huggingface/transformers')).catch(
    (error: unknown) => {
      throw isMissing((error as Error).cause) ? new Error(MISSING, { cause: error }) : error
    },
  )
  transformers.env.cacheDir = cacheFolder()
  return transformers
}

const MISSING =
  `vqa-model: a model that runs here needs the package @huggingface/transformers, which is not installed: npm install ` +
  `@huggingface/transformers@${VERSION} (it brings onnxruntime-node, whose install script can be skipped with ` +
  'ONNXRUNTIME_NODE_INSTALL=skip in the environment)'

function isMissing(error: unknown): boolean {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string }
  return code.endsWith('MODULE_NOT_FOUND') && message.includes("'@huggingface/transformers'")
}
