import { InputError } from '@lever/durable-files'
import { OFFICIAL_METRIC } from '@lever/vqa-eval'
import type { Device, ModelProtocol, VqaModel, VqaModelOptions } from '@lever/vqa-model'
import { BUNDLED_MODEL, requirePath } from '../../files.ts'
import type { Progress } from '../../progress.ts'

/** Longest answer, in tokens. */
const NEW_TOKENS = 5
/** Most requests at one time per server. */
const REQUESTS = 64

export interface ModelChoice {
  /** Undefined: the bundled one, or the only one of a server. */
  readonly model: string | undefined
  readonly backend: string
  readonly baseUrl?: readonly string[] | undefined
  readonly concurrency?: number | undefined
  /** seconds */
  readonly timeout?: number | undefined
  readonly extraBody?: string | undefined
  readonly template?: string | undefined
  readonly dtype?: string | undefined
  readonly device?: string | undefined
  readonly workers?: number | undefined
  readonly threads?: number | undefined
  readonly maxNewTokens?: number | undefined
  readonly decodingBeams?: number | undefined
  readonly maxPixels?: number | undefined
  readonly imageCache?: number | undefined
  /** What answers will be scored by (`metricOf`), for the protocol. */
  readonly metric?: string
}

/** @throws InputError when the model cannot be opened, or an option is wrong */
export async function openModel(choice: ModelChoice, progress: Progress): Promise<VqaModel> {
  const { openVqaModel } = await import('@lever/vqa-model')
  return openVqaModel(await vqaOptionsOf(choice, progress))
}

/**
 * Name and protocol of a model that is run elsewhere.
 * @throws as `openModel`
 */
export async function readModelProtocol(choice: ModelChoice, progress: Progress): Promise<ModelProtocol> {
  const { readProtocol } = await import('@lever/vqa-model')
  return readProtocol(await vqaOptionsOf(choice, progress))
}

async function vqaOptionsOf(choice: ModelChoice, progress: Progress): Promise<VqaModelOptions> {
  const { backend, metric = OFFICIAL_METRIC } = choice
  const onNotice = (line: string): void => progress.info(line)
  if (backend === 'scripted') {
    const { model } = choice
    if (model === undefined) {
      throw new InputError('--backend scripted needs --model, a module whose default export answers')
    }
    await requirePath(model, '--model')
    return { backend, model, metric }
  }
  if (backend === 'openai') return { ...serverOptionsOf(choice), metric, onNotice }
  if (backend !== 'onnx') {
    throw new InputError(`--backend is "${backend}"; give one of onnx, openai, scripted`)
  }
  const {
    model = BUNDLED_MODEL,
    template,
    device = 'cpu',
    dtype = 'fp32',
    workers = 2,
    threads = 0,
    maxPixels,
  } = choice
  const { maxNewTokens = NEW_TOKENS, decodingBeams = 1, imageCache = 0 } = choice
  return {
    ...{ backend, model, device: device as Device, dtype, workers, threads, maxNewTokens, metric, onNotice },
    beams: decodingBeams as 1 | 3,
    imageDiskBytes: imageCache * 2 ** 20,
    ...(template !== undefined && { template }),
    ...(maxPixels !== undefined && { pixels: { max: maxPixels } }),
  }
}

function serverOptionsOf(choice: ModelChoice): VqaModelOptions & { readonly backend: 'openai' } {
  const { model, template, maxNewTokens = NEW_TOKENS, baseUrl = [], concurrency, timeout = 120 } = choice
  if ((choice.decodingBeams ?? 1) !== 1) {
    throw new InputError('--decoding-beams: servers answer greedily; leave it out, or use --backend onnx')
  }
  if (choice.maxPixels !== undefined) {
    throw new InputError(
      '--max-pixels: a server prepares its images itself; start it with the limit, or for vLLM give --extra-body \'{"mm_processor_kwargs":{"max_pixels":200704}}\'',
    )
  }
  const apiKey = process.env['LEVER_API_KEY'] ?? process.env['OPENAI_API_KEY']
  return {
    ...{ backend: 'openai', baseUrl, concurrency: concurrency ?? REQUESTS, maxNewTokens, apiKey },
    model,
    timeout: Math.round(1000 * timeout),
    ...(template !== undefined && { template }),
    ...(choice.extraBody !== undefined && { extraBody: parseBody(choice.extraBody) }),
  }
}

function parseBody(json: string): Record<string, unknown> {
  try {
    const body = JSON.parse(json) as unknown
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
      return body as Record<string, unknown>
    }
  } catch {
    // Said below.
  }
  throw new InputError(`--extra-body is ${JSON.stringify(json)}; give a JSON object`)
}

/**
 * Prompts per call of a model, and calls at one time. A local model shares work inside a call; a
 * server's answers are kept one by one, as many on the way as its limits allow.
 */
export function callsOf(
  choice: Pick<ModelChoice, 'backend' | 'baseUrl' | 'concurrency'>,
  batchSize: number,
): { readonly batchSize: number; readonly concurrency: number } {
  if (choice.backend !== 'openai') return { batchSize, concurrency: 1 }
  return {
    batchSize: 1,
    concurrency: (choice.concurrency ?? REQUESTS) * Math.max(1, choice.baseUrl?.length ?? 1),
  }
}
