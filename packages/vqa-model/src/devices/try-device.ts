import { loadOrt } from '../onnx/ort.ts'
import { executionProvider } from './devices.ts'
import { TINY_GRAPH } from './tiny-graph.ts'

/** Runs the tiny graph on one device. @throws Error when it fails or computes something wrong */
export async function tryDevice(device: string): Promise<void> {
  const ort = await loadOrt()
  const session = await ort.InferenceSession.create(Buffer.from(TINY_GRAPH, 'base64'), {
    executionProviders: [executionProvider(device)],
    logSeverityLevel: 3,
  })
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) })
  const found = [...(y!.data as Float32Array)].join()
  await session.release()
  if (found !== '7,10,15,22')
    throw new Error(`the product of a 2 x 2 matrix came out as ${found}, not 7,10,15,22`)
}
