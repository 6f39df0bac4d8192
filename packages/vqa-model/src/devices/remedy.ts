import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CUDA_PROVIDER, providerFolder } from '@lever/onnx-grad/ort'
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

/**
 * The oldest branch of drivers that CUDA 13 runs with.
 * Source: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/ (minor version compatibility)
 */
const DRIVER = 580

function cudaRemedy(output: string, installed: boolean): string {
  if (!installed) {
    return process.platform === 'linux' && process.arch === 'x64'
      ? 'the CUDA provider is not installed: run "npm run cuda:install" (a download of 1.4 GB), then try again'
      : 'onnxruntime-node has CUDA for Linux x64 only; use --device cpu'
  }
  const missing = [...output.matchAll(/(lib[\w.-]+\.so[\d.]*): cannot open shared object/g)].map(
    (match) => match[1]!,
  )
  if (/cuDNN library was not found/i.test(output)) missing.push('libcudnn.so.9')
  if (missing.length > 0) return [...new Set(missing)].map(originOf).join('; ')
  return (
    `check that "nvidia-smi" lists a GPU and a driver of version ${DRIVER} or later, which CUDA 13 needs; ` +
    'in a container, that it was started with access to the GPU'
  )
}

/** What brings a library that is missing. */
function originOf(library: string): string {
  if (library.startsWith('libcuda.')) {
    return (
      `install the NVIDIA driver, version ${DRIVER} or later (${library} is a part of it and is missing); ` +
      'in a container, start it with access to the GPU (docker run --gpus all)'
    )
  }
  if (/^lib(cudart|cublas|cublasLt|cufft|curand|nvrtc|cudnn)\b/.test(library)) {
    return `run "npm run cuda:install", which brings ${library}`
  }
  return `install what provides ${library}`
}

function hasCuda(): boolean {
  return existsSync(join(providerFolder(), CUDA_PROVIDER))
}
