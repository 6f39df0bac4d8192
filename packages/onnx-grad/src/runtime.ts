import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { loadOrt, preloadLibraries, type Ort } from './ort.ts'
import { formatShape } from './shape.ts'
import type { DType, TensorValues } from './tensor.ts'

/** Elements and dimensions of a value that goes into or comes out of a graph. */
export interface Value {
  dtype: DType
  dims: readonly number[]
  data: TensorValues
}

/** How a graph is run. */
export interface RunOptions {
  /** Threads inside an operator (default 1). */
  threads?: number
  /** Execution provider of ONNX Runtime (default 'cpu'). */
  device?: 'cpu' | 'cuda' | 'webgpu'
}

export const RUN_OPTIONS: OptionNames<RunOptions> = { threads: true, device: true }

/** A graph loaded into ONNX Runtime. `close` it when it is not needed any more. */
export interface Runner {
  /**
   * @throws Error with what ONNX Runtime says, the node that failed and its shapes as they were
   * declared, and the shapes of the inputs as they were given.
   */
  run(inputs: Readonly<Record<string, Value>>, outputs?: readonly string[]): Promise<Record<string, Value>>
  /** Frees the session; the runner cannot be used afterwards. */
  close(): Promise<void>
}

/**
 * Loads an encoded model. `run` blocks the thread while the graph computes: call it in a worker
 * where something else must stay alive.
 * @throws Error of ONNX Runtime, with the names of graph and node, when the model is not valid; as `loadOrt` does.
 */
export async function loadModel(model: Uint8Array, options: RunOptions = {}): Promise<Runner> {
  refuseUnknownOptions(options, RUN_OPTIONS, 'onnx-grad: loadModel')
  const { threads = 1, device = 'cpu' } = options
  const ort = await loadOrt()
  preloadLibraries(device)
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    executionProviders: [device],
    logSeverityLevel: 4,
  }).catch((error: unknown) => {
    throw new Error(`onnx-grad: the graph cannot be loaded on ${device}: ${messageOf(error)}`, {
      cause: error,
    })
  })
  return {
    async run(inputs, outputs) {
      const feeds: Record<string, Ort.Tensor> = {}
      for (const [name, { dtype, dims, data }] of Object.entries(inputs)) {
        feeds[name] = tensorOf(ort, name, { dtype, dims, data })
      }
      const wanted = [...(outputs ?? session.outputNames)]
      const results = await session.run(feeds, wanted).catch((error: unknown) => {
        throw new Error(`onnx-grad: ${messageOf(error)}; inputs: ${describeValues(inputs)}`, { cause: error })
      })
      const values: Record<string, Value> = {}
      for (const [name, tensor] of Object.entries(results)) {
        values[name] = { dtype: tensor.type as DType, dims: tensor.dims, data: tensor.data as TensorValues }
      }
      return values
    },
    close: () => session.release(),
  }
}

function tensorOf(ort: typeof Ort, name: string, { dtype, dims, data }: Value): Ort.Tensor {
  try {
    return new ort.Tensor(dtype as 'float32', data as Float32Array, dims)
  } catch (error) {
    const given = `${data.constructor.name} of ${data.length}`
    throw new Error(
      `onnx-grad: input ${name} ${dtype} ${formatShape(dims)} was given ${given}: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

function messageOf(error: unknown): string {
  return ((error as Partial<Error> | null)?.message ?? String(error)).trim()
}

function describeValues(values: Readonly<Record<string, Value>>): string {
  return Object.entries(values)
    .map(([name, { dtype, dims }]) => `${name} ${dtype} ${formatShape(dims)}`)
    .join(', ')
}
