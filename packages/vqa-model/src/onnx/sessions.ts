import { InputError } from '@lever/durable-files'
import { executionProvider } from '../devices/devices.ts'
import type { ModelFolder, SessionName } from './folder.ts'
import type { Ort, Session } from './ort.ts'

/**
 * Opens one ONNX file. Memory patterns are off, since batches have many shapes and each would
 * keep a pattern.
 *
 * @throws InputError when the file is not a model or the device does not take it
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
    throw new InputError(
      `vqa-model: ONNX Runtime cannot open ${path} on ${device}: ${(cause as Error).message}`,
      {
        cause,
      },
    )
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
    requireFloat32(embed_tokens.outputMetadata, folder.sessions.embed_tokens)
    requireFloat32(vision_encoder.inputMetadata, folder.sessions.vision_encoder)
    requireFloat32(vision_encoder.outputMetadata, folder.sessions.vision_encoder)
    requireFloat32(
      decoder_model_merged.inputMetadata.filter(({ name }) => name === 'inputs_embeds'),
      folder.sessions.decoder_model_merged,
    )
  } catch (error) {
    await Promise.all(opened.map((session) => session.release()))
    throw error
  }
  return { embed_tokens, vision_encoder, decoder_model_merged }
}

/** Embeddings go between the sessions as float32; keys and values may be float16. */
function requireFloat32(values: Session['inputMetadata'], path: string): void {
  for (const value of values) {
    if (!value.isTensor || value.type === 'float32' || value.type === 'int64') continue
    throw new InputError(
      `vqa-model: ${path} has "${value.name}" in ${value.type}; only float32 embeddings are supported, ` +
        `choose another dtype (fp32, q8, q4)`,
    )
  }
}
