import { InputError } from '@lever/durable-files'

/** The ONNX files of vision-language models, and `model`, the only one of a text model. */
export const SESSION_NAMES = ['embed_tokens', 'vision_encoder', 'decoder_model_merged', 'model'] as const

export const VLM_SESSIONS = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'] as const
export const TEXT_SESSIONS = ['model'] as const

export type SessionName = (typeof SESSION_NAMES)[number]

/** The dtypes of the Hub's ONNX files, and what each adds to the name of a file. */
const SUFFIXES = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
} as const

/** A dtype of the Hub's ONNX files. */
export type DtypeName = keyof typeof SUFFIXES

/** A dtype for all files, or one per file; a file that is left out has `fp32`. */
export type FileDtypes = DtypeName | Partial<Record<SessionName, DtypeName>>

/** The same, or as a text that names files: `decoder_model_merged=q4,vision_encoder=fp16`. */
export type Dtypes = FileDtypes | `${SessionName}=${string}`

export const dtypeNames: readonly DtypeName[] = Object.keys(SUFFIXES) as DtypeName[]

/** Name of an ONNX file without its folder, e.g. `vision_encoder_fp16.onnx`. @throws InputError for an unknown dtype */
export function sessionFile(session: string, dtype: string): string {
  return `${session}${SUFFIXES[dtypeName(dtype)]}.onnx`
}

function dtypeName(text: string): DtypeName {
  if (Object.hasOwn(SUFFIXES, text)) return text as DtypeName
  throw new InputError(`vqa-model: unknown dtype "${text}"; choose one of ${dtypeNames.join(', ')}`)
}

/** The dtype of one file; `fp32` where none is given. */
export function dtypeOf(dtypes: FileDtypes, session: SessionName): DtypeName {
  return typeof dtypes === 'string' ? dtypes : (dtypes[session] ?? 'fp32')
}

/**
 * Dtypes as they are written in an option: `q4`, or `decoder_model_merged=q4,vision_encoder=fp16`, where a file that is
 * not named has `fp32`.
 *
 * @throws InputError naming what is unknown
 */
export function parseDtypes(text: string): FileDtypes {
  if (!text.includes('=')) return dtypeName(text.trim())
  const found: Partial<Record<SessionName, DtypeName>> = {}
  for (const part of text.split(',')) {
    const [session = '', dtype = ''] = part.split('=').map((half) => half.trim())
    if (!(SESSION_NAMES as readonly string[]).includes(session)) {
      throw new InputError(
        `vqa-model: dtype "${part.trim()}" names no file of a model; write FILE=DTYPE with a file of ${SESSION_NAMES.join(', ')}`,
      )
    }
    found[session as SessionName] = dtypeName(dtype)
  }
  return found
}

/** Dtypes in either form. @throws InputError naming what is unknown */
export function readDtypes(dtypes: Dtypes | undefined): FileDtypes {
  return typeof dtypes === 'string' ? parseDtypes(dtypes) : (dtypes ?? 'fp32')
}

/** The same text back, for messages and file names. */
export function dtypeText(dtypes: FileDtypes): string {
  if (typeof dtypes === 'string') return dtypes
  const given = SESSION_NAMES.filter((session) => (dtypes[session] ?? 'fp32') !== 'fp32')
  return given.length === 0 ? 'fp32' : given.map((session) => `${session}=${dtypes[session]}`).join(',')
}
