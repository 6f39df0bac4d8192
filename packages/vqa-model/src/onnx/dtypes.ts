import { InputError } from '@lever/durable-files'

/** The ONNX files of vision-language models, and `model`, the only one of a text model. */
export const SESSION_NAMES = ['embed_tokens', 'vision_encoder', 'decoder_model_merged', 'model'] as const

export const VLM_SESSIONS = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'] as const
export const TEXT_SESSIONS = ['model'] as const

export type SessionName = (typeof SESSION_NAMES)[number]

/** A dtype of the Hub's file names (`fp32`, `fp16`, `q4`, ...), for all files or per file. */
export type Dtypes = string | Partial<Record<SessionName, string>>

const SUFFIXES = new Map([
  ['fp32', ''],
  ['fp16', '_fp16'],
  ['q8', '_quantized'],
  ['int8', '_int8'],
  ['uint8', '_uint8'],
  ['q4', '_q4'],
  ['q4f16', '_q4f16'],
  ['bnb4', '_bnb4'],
])

export const dtypeNames: readonly string[] = [...SUFFIXES.keys()]

/** Name of an ONNX file without its folder, e.g. `vision_encoder_fp16.onnx`. @throws InputError for an unknown dtype */
export function sessionFile(session: string, dtype: string): string {
  const suffix = SUFFIXES.get(dtype)
  if (suffix !== undefined) return `${session}${suffix}.onnx`
  throw new InputError(`vqa-model: unknown dtype "${dtype}"; choose one of ${dtypeNames.join(', ')}`)
}

/** The dtype of one file; `fp32` where none is given. */
export function dtypeOf(dtypes: Dtypes, session: SessionName): string {
  return typeof dtypes === 'string' ? dtypes : (dtypes[session] ?? 'fp32')
}

/**
 * Dtypes as they are written in an option: `q4`, or `decoder_model_merged=q4,vision_encoder=fp16`, where a file that is
 * not named has `fp32`.
 *
 * @throws InputError naming what is unknown
 */
export function parseDtypes(text: string): Dtypes {
  if (!text.includes('=')) {
    sessionFile('', text.trim())
    return text.trim()
  }
  const found: Partial<Record<SessionName, string>> = {}
  for (const part of text.split(',')) {
    const [session = '', dtype = ''] = part.split('=').map((half) => half.trim())
    if (!(SESSION_NAMES as readonly string[]).includes(session)) {
      throw new InputError(
        `vqa-model: dtype "${part.trim()}" names no file of a model; write FILE=DTYPE with a file of ${SESSION_NAMES.join(', ')}`,
      )
    }
    sessionFile('', dtype)
    found[session as SessionName] = dtype
  }
  return found
}

/** The same text back, for messages and file names. */
export function dtypeText(dtypes: Dtypes): string {
  if (typeof dtypes === 'string') return dtypes
  const given = SESSION_NAMES.filter((session) => (dtypes[session] ?? 'fp32') !== 'fp32')
  return given.length === 0 ? 'fp32' : given.map((session) => `${session}=${dtypes[session]}`).join(',')
}
