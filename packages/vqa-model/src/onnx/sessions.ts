import { InputError } from '@lever/durable-files'
import { executionProvider } from '../devices/devices.ts'
import type { SessionName } from './dtypes.ts'
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

export type Sessions = Record<SessionName, Session>

/** Opens the three files of a model; all or none. */
export async function openSessions(
  ort: typeof Ort,
  folder: ModelFolder,
  options: { device: string; threads: number },
): Promise<Sessions> {
  const opened: Session[] = []
  try {
    for (const path of [
      folder.sessions.embed_tokens,
      folder.sessions.vision_encoder,
      folder.sessions.decoder_model_merged,
    ]) {
      opened.push(await openSession(ort, path, options))
    }
  } catch (error) {
    await Promise.all(opened.map((session) => session.release()))
    throw error
  }
  const [embed_tokens, vision_encoder, decoder_model_merged] = opened as [Session, Session, Session]
  try {
    requireFloats(embed_tokens.outputMetadata, folder.sessions.embed_tokens)
    requireFloats(vision_encoder.outputMetadata, folder.sessions.vision_encoder)
    for (const [name, path] of [
      ['pixel_values', folder.sessions.vision_encoder],
      ['inputs_embeds', folder.sessions.decoder_model_merged],
    ] as const) {
      const { inputMetadata } = name === 'pixel_values' ? vision_encoder : decoder_model_merged
      requireFloats(
        inputMetadata.filter((value) => value.name === name),
        path,
      )
    }
  } catch (error) {
    await Promise.all(opened.map((session) => session.release()))
    throw error
  }
  return { embed_tokens, vision_encoder, decoder_model_merged }
}

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
