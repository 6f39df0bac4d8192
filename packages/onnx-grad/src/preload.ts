import { readdirSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'

/** ONNX Runtime loads it, from the folder of its own library, when a session asks for CUDA. */
export const CUDA_PROVIDER = 'libonnxruntime_providers_cuda.so'

/** What the CUDA provider asks the loader for by these names, with any major; a library before those that need it. */
const LIBRARIES = ['cudart', 'cublasLt', 'cublas', 'curand', 'nvrtc', 'cufft', 'cudnn']

/** Keeps a library in memory when its handle is closed (dlfcn.h of glibc and musl). */
const RTLD_NODELETE = 0x1000

/**
 * Loads the CUDA libraries that lie beside the provider, where `npm run cuda:install` puts them.
 *
 * The provider names no folder for the libraries that it needs (it has no RUNPATH), and LD_LIBRARY_PATH is read only when a
 * process starts. But the loader takes a library that is in the process already, by its SONAME, whatever folder it came from.
 * `process.dlopen` is meant for addons, so it complains about the missing registration and closes its handle; the library stays.
 * One call serves all threads of the process. Libraries that are missing are left to the loader's own search.
 *
 * @returns the libraries that were found, for tests
 */
export function preloadBeside(device: string, provider: string): string[] {
  if (!/^cuda(:\d+)?$/.test(device) || process.platform !== 'linux') return []
  const folder = folderOf(provider)
  if (folder === undefined) return []
  const files = readdirSync(folder)
  const found = LIBRARIES.flatMap((name) => files.filter((file) => isLibrary(file, name)))
  for (const file of found) {
    try {
      process.dlopen({ exports: {} }, join(folder, file), constants.dlopen.RTLD_LAZY | RTLD_NODELETE)
    } catch {
      // No addon, as expected. Of a library that could not be loaded the session will say why.
    }
  }
  return found
}

function folderOf(provider: string): string | undefined {
  try {
    return dirname(realpathSync(provider))
  } catch {
    return undefined
  }
}

function isLibrary(file: string, name: string): boolean {
  return file.startsWith(`lib${name}.so.`) && /^\d+$/.test(file.slice(`lib${name}.so.`.length))
}
