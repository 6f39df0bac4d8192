import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { DeviceName } from './devices.ts'

/** What to do about a device that does not work, from what was written when it was tried. */
export function remedyFor(device: DeviceName, output: string): string {
  switch (device) {
    case 'cpu':
      return 'reinstall onnxruntime-node (npm ci); its native library does not run here'
    case 'cuda':
      return cudaRemedy(output)
    case 'webgpu':
      return 'WebGPU needs a GPU with a driver (Vulkan on Linux, D3D12 on Windows, Metal on macOS); use --device cpu'
    case 'dml':
      return 'DirectML exists on Windows only; use --device cpu'
    case 'coreml':
      return 'Core ML exists on macOS only; use --device cpu'
  }
}

function cudaRemedy(output: string): string {
  if (!['linux', 'win32'].includes(process.platform))
    return 'CUDA exists on Linux and Windows only; use --device cpu'
  const library =
    process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so'
  if (!existsSync(join(providerFolder(), library))) {
    return `the CUDA provider (${library}) is not installed: run "npm run cuda:install", then try again`
  }
  const missing = [...output.matchAll(/(lib[\w.-]+\.so[\d.]*): cannot open shared object/g)].map(
    (match) => match[1],
  )
  if (missing.length > 0) {
    return `install what provides ${[...new Set(missing)].join(', ')} (CUDA toolkit, cuDNN 9) and put it on LD_LIBRARY_PATH`
  }
  return 'check that "nvidia-smi" lists a GPU and that its driver, the CUDA toolkit and cuDNN 9 belong together'
}

/** Where ONNX Runtime looks for provider libraries. */
function providerFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  return join(dirname(dirname(entry)), 'bin', 'napi-v6', process.platform, process.arch)
}
