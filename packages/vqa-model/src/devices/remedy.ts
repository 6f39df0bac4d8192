import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { DeviceName } from './devices.ts'

/** What to do about a device that does not work, from what was written when it was tried and whether CUDA's provider is installed. */
export function remedyFor(device: DeviceName, output: string, installed: boolean = hasCuda()): string {
  switch (device) {
    case 'cpu':
      return 'reinstall onnxruntime-node (npm ci); its native library does not run here'
    case 'cuda':
      return cudaRemedy(output, installed)
    case 'webgpu':
      return webgpuRemedy(output)
    case 'dml':
      return 'DirectML exists on Windows only; use --device cpu'
    case 'coreml':
      return 'Core ML exists on macOS only; use --device cpu'
  }
}

/** Why WebGPU does not work stands in what Dawn and ONNX Runtime write, between the lines of their stack. */
function webgpuRemedy(output: string): string {
  const library = /(lib[\w.-]+\.so[\d.]*): cannot open shared object/.exec(output)?.[1]
  const needs = 'a GPU with a driver (Vulkan on Linux, D3D12 on Windows, Metal on macOS)'
  if (library?.startsWith('libvulkan') === true) {
    return `the Vulkan loader ${library} is missing: install it (Debian: libvulkan1) and ${needs}, or use --device cpu`
  }
  if (library !== undefined) return `install what provides ${library}, or use --device cpu`
  const why = /adapter[^:\n]*: ([^\n]+?)\.?\s*$/im.exec(output)?.[1]
  const found = why === undefined ? '' : ` (ONNX Runtime: ${why.trim()})`
  return `WebGPU needs ${needs}, and found none${found}; use --device cpu`
}

const CUDA_LIBRARY = 'libonnxruntime_providers_cuda.so'

function cudaRemedy(output: string, installed: boolean): string {
  if (!installed) {
    return process.platform === 'linux' && process.arch === 'x64'
      ? `the CUDA provider (${CUDA_LIBRARY}) is not installed: run "npm run cuda:install" (a download of some hundred MB), then try again`
      : 'onnxruntime-node has CUDA for Linux x64 only; use --device cpu'
  }
  const missing = [...output.matchAll(/(lib[\w.-]+\.so[\d.]*): cannot open shared object/g)].map(
    (match) => match[1]!,
  )
  if (missing.length > 0) {
    const names = [...new Set(missing)]
    return `${names.map(originOf).join('; ')}; then put the folders of these libraries on LD_LIBRARY_PATH`
  }
  return (
    'check that "nvidia-smi" lists a GPU and that its driver is new enough for the CUDA toolkit; ' +
    `"ldd ${join(providerFolder(), CUDA_LIBRARY)}" shows which CUDA and cuDNN majors are wanted`
  )
}

/** Which package brings a library that is missing, with the major that its name asks for. */
function originOf(library: string): string {
  const major = /\.so\.(\d+)/.exec(library)?.[1]
  const version = major === undefined ? '' : ` ${major}`
  if (library.startsWith('libcudnn')) return `install cuDNN${version} (${library} is missing)`
  if (library.startsWith('libcuda.')) return `install the NVIDIA driver (${library} is missing)`
  if (/^lib(cudart|cublas|cublasLt|cufft|curand|nvrtc|nvJitLink)\b/.test(library)) {
    const own = /^lib(cufft|curand)/.test(library)
    return `install the CUDA toolkit${own ? '' : version} (${library} is missing)`
  }
  return `install what provides ${library}`
}

function hasCuda(): boolean {
  return existsSync(join(providerFolder(), CUDA_LIBRARY))
}

/** Where ONNX Runtime looks for provider libraries. */
function providerFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  return join(dirname(dirname(entry)), 'bin', 'napi-v6', process.platform, process.arch)
}
