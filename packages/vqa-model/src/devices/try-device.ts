import { preloadLibraries } from '@lever/onnx-grad/ort'
import { floatToHalf, toFloats } from '../onnx/half.ts'
import { loadOrt, type Ort, type Tensor } from '../onnx/ort.ts'
import { deviceChecks, type CheckInput, type DeviceCheck } from './checks.ts'
import { executionProvider } from './devices.ts'

/** What came of one check: empty text when it passed. */
export interface CheckResult {
  readonly name: string
  readonly detail: string
}

/** Runs every check on one device, telling each result as it comes, since the next may crash the process. */
export async function tryDevice(device: string, onResult: (result: CheckResult) => void): Promise<void> {
  preloadLibraries(device)
  const ort = await loadOrt()
  for (const check of deviceChecks()) {
    const detail = await runCheck(ort, device, check).then(
      () => '',
      (error: unknown) => readable((error as Error).message),
    )
    onResult({ name: check.name, detail })
  }
}

/** A message in one line, without the place in the source of ONNX Runtime and the condition that failed there. */
function readable(message: string): string {
  return (/CU\w+ failure \d+: [^;]+/.exec(message)?.[0] ?? message)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/^\/\S+:\d+ .*? was false\. /, '')
    .trim()
}

/** @throws Error if the graph cannot be loaded or run, or computes something wrong */
async function runCheck(ort: typeof Ort, device: string, check: DeviceCheck): Promise<void> {
  const session = await ort.InferenceSession.create(check.model, {
    executionProviders: [executionProvider(device)],
    logSeverityLevel: 3,
  })
  try {
    const feeds = Object.fromEntries(check.inputs.map((input) => [input.name, tensorOf(ort, input)]))
    const { y } = await session.run(feeds, ['y'])
    const found = toFloats(y!).join()
    if (found !== check.expected.join()) {
      throw new Error(`a wrong result: ${found} in place of ${check.expected.join()}`)
    }
  } finally {
    await session.release()
  }
}

function tensorOf(ort: typeof Ort, { type, dims, values }: CheckInput): Tensor {
  switch (type) {
    case 'float32':
      return new ort.Tensor(type, Float32Array.from(values), dims)
    case 'float16':
      return new ort.Tensor(type, Uint16Array.from(values, floatToHalf), dims)
    case 'int32':
      return new ort.Tensor(type, Int32Array.from(values), dims)
    case 'int64':
      return new ort.Tensor(type, BigInt64Array.from(values, BigInt), dims)
    case 'bool':
      return new ort.Tensor(type, Uint8Array.from(values), dims)
  }
}
