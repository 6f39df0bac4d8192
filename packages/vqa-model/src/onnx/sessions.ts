import { InputError } from '@lever/durable-files'
import { executionProvider } from '../devices/devices.ts'
import type { ModelFolder } from './folder.ts'
import type { Ort, Session } from './ort.ts'

/**
 * Opens one ONNX file. Memory patterns are off, since batches have many shapes and each would
 * keep a pattern.
 *
 * @throws InputError if the file is not a model or the device does not take it
 */
export async function openSession(
  ort: typeof Ort,
  path: string,
  { device, threads }: { device: string; threads: number },
): Promise<Session> {
  try {
    return await ort.InferenceSession.create(path, {
      executionProviders: [executionProvider(device)],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      enableMemPattern: false,
      logSeverityLevel: 4,
    })
  } catch (cause) {
    const message = (cause as Error).message.replace(/\.$/, '')
    const damaged = /protobuf|external|initializer/i.test(message)
      ? '; the file, or the data file beside it, is damaged or incomplete: copy or download the model again'
      : ''
    throw new InputError(`vqa-model: ONNX Runtime cannot open ${path} on ${device}: ${message}${damaged}`, {
      cause,
    })
  }
}

/** The opened files of a model; a text model is a decoder alone. */
export interface Sessions {
  readonly decoder: Session
  readonly embed?: Session
  readonly vision?: Session
}

/** Opens the files of a model; all or none. */
export async function openSessions(
  ort: typeof Ort,
  folder: ModelFolder,
  options: { device: string; threads: number },
): Promise<Sessions> {
  const { sessions: paths, decoder } = folder
  const opened: [path: string, session: Session][] = []
  const open = async (path: string | undefined): Promise<Session | undefined> => {
    if (path === undefined) return undefined
    const session = await openSession(ort, path, options)
    opened.push([path, session])
    return session
  }
  try {
    const embed = await open(paths.embed_tokens)
    const vision = await open(paths.vision_encoder)
    const sessions = {
      decoder: (await open(paths[decoder]))!,
      ...(embed && { embed }),
      ...(vision && { vision }),
    }
    for (const [path, { inputMetadata, outputMetadata }] of opened) {
      const asked = inputMetadata.filter(({ name }) => FLOAT_INPUTS.has(name))
      requireFloats(path === paths[decoder] ? asked : [...asked, ...outputMetadata], path)
    }
    return sessions
  } catch (error) {
    await Promise.all(opened.map(([, session]) => session.release()))
    throw error
  }
}

const FLOAT_INPUTS = new Set(['pixel_values', 'inputs_embeds'])

/** Embeddings, keys and values may be float32 or float16; between the sessions they are float32. */
function requireFloats(values: Session['inputMetadata'], path: string): void {
  for (const value of values) {
    if (!value.isTensor || ['float32', 'float16', 'int64', 'bool'].includes(value.type)) continue
    throw new InputError(
      `vqa-model: ${path} has "${value.name}" in ${value.type}; only float32 and float16 are supported, ` +
        `choose another dtype (fp32, fp16, q8, q4)`,
    )
  }
}
