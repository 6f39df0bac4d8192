import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import type * as Ort from 'onnxruntime-node'
import { CUDA_PROVIDER, preloadBeside } from './preload.ts'

export type { Ort }
export { CUDA_PROVIDER }

/** Versions of onnxruntime-node that the peer dependency accepts, all tried (docs/onnxruntime.md); tests run with the last. */
const ACCEPTED = '1.25.1 to 1.30'
const RECOMMENDED = '1.30.0'

/**
 * ONNX Runtime, imported on first use, with its telemetry off. Who runs no graph need not install it.
 *
 * @throws Error that says what to install or to override when onnxruntime-node is missing, was installed for another
 * platform, or when two copies of it meet in the process: their libraries have one name, so the second gets the first's.
 */
export function loadOrt(): Promise<typeof Ort> {
  return withRuntime(() => import('onnxruntime-node'), ownFolder())
}

/**
 * Imports something that imports ONNX Runtime itself, with its telemetry off.
 *
 * @param folder of the copy that it imports, where that is known: any other that the process has is one too many.
 * @throws Error as {@link loadOrt}.
 */
export async function withRuntime<T>(load: () => Promise<T>, folder?: string): Promise<T> {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
  try {
    return await load()
  } catch (error) {
    throw new Error(explain(error, loadedCopies(), folder), { cause: error })
  }
}

/** Why what needs ONNX Runtime cannot be imported, and the remedy. */
function explain(error: unknown, loaded: readonly string[], folder?: string): string {
  const { code = '', message = String(error) } = (error ?? {}) as { code?: string; message?: string }
  const said = message.split('\n')[0]!
  if (/MODULE_NOT_FOUND/.test(code) && message.includes("'onnxruntime-node'")) {
    return (
      `onnx-grad: running a graph needs the package onnxruntime-node, ${ACCEPTED}, which is not installed: ` +
      `npm install onnxruntime-node@${RECOMMENDED} (with ONNXRUNTIME_NODE_INSTALL=skip in the environment where its ` +
      'install script cannot reach api.nuget.org)'
    )
  }
  const others = loaded.filter((path) => folder === undefined || !path.startsWith(folder + sep))
  if (others.length > 0) {
    return (
      `onnx-grad: two copies of ONNX Runtime meet in this process, and only the first can be loaded: ${others.join(', ')}` +
      `${folder === undefined ? '' : ` before ${folder}`}. Let every package use one: "overrides": { "onnxruntime-node": ` +
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

/** Where ONNX Runtime looks for provider libraries. */
export function providerFolder(): string {
  return join(packageFolder(), 'bin', 'napi-v6', process.platform, process.arch)
}

/** Loads the CUDA libraries beside the provider that ONNX Runtime would take; see {@link preloadBeside}. */
export function preloadLibraries(device: string): string[] {
  return preloadBeside(device, join(providerFolder(), CUDA_PROVIDER))
}

function ownFolder(): string | undefined {
  try {
    return packageFolder()
  } catch {
    return undefined
  }
}

function packageFolder(): string {
  return dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')))
}
