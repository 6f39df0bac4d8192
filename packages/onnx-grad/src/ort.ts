import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import type * as Ort from 'onnxruntime-node'

export type { Ort }
export { CUDA_PROVIDER, preloadLibraries, providerFolder } from './preload.ts'

/**
 * Versions of onnxruntime-node that the peer dependency accepts. All tests run with the last one; 1.25.1, 1.27.0 and 1.29.0
 * were loaded and opened a graph.
 */
const ACCEPTED = '1.25 to 1.30'
const RECOMMENDED = '1.30.0'

/**
 * ONNX Runtime, imported on first use, with its telemetry off. Who runs no graph need not install it.
 *
 * @throws Error that says what to install or to override when onnxruntime-node is missing, was installed for another
 * platform, or when two copies of it meet in the process: their libraries have one name, so the second gets the first's.
 */
export async function loadOrt(): Promise<typeof Ort> {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
  try {
    return await import('onnxruntime-node')
  } catch (error) {
    throw new Error(explain(error, loadedCopies()), { cause: error })
  }
}

/** Why onnxruntime-node cannot be imported, and the remedy. Exported for tests. */
export function explain(error: unknown, loaded: readonly string[]): string {
  const { code = '', message = String(error) } = (error ?? {}) as { code?: string; message?: string }
  const said = message.split('\n')[0]!
  if (/MODULE_NOT_FOUND/.test(code) && message.includes("'onnxruntime-node'")) {
    return (
      `onnx-grad: running a graph needs the package onnxruntime-node, ${ACCEPTED}, which is not installed: ` +
      `npm install onnxruntime-node@${RECOMMENDED} (with ONNXRUNTIME_NODE_INSTALL=skip in the environment where its ` +
      'install script cannot reach api.nuget.org)'
    )
  }
  const own = ownFolder()
  const others = loaded.filter((path) => own === undefined || !path.startsWith(own + sep))
  if (others.length > 0) {
    return (
      `onnx-grad: two copies of ONNX Runtime meet in this process, and only the first can be loaded: ${others.join(', ')}` +
      `${own === undefined ? '' : ` before ${own}`}. Let every package use one: "overrides": { "onnxruntime-node": ` +
      `"${RECOMMENDED}" } in your package.json, then npm install; npm ls onnxruntime-node lists the copies (${said})`
    )
  }
  return (
    `onnx-grad: onnxruntime-node is installed but does not load here (${said}); accepted are versions ${ACCEPTED}: ` +
    `npm install onnxruntime-node@${RECOMMENDED} on this machine`
  )
}

/** Libraries of ONNX Runtime that are in the process. */
function loadedCopies(): string[] {
  const { sharedObjects = [] } = process.report.getReport() as { sharedObjects?: string[] }
  return sharedObjects.filter((path) => /(^|[/\\])(lib)?onnxruntime(\.so|\.dll|\.\d|\.dylib)/.test(path))
}

function ownFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
    return join(dirname(dirname(entry)))
  } catch {
    return undefined
  }
}
