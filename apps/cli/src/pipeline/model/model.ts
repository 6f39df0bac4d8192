import { InputError } from '@lever/durable-files'
import { OFFICIAL_METRIC } from '@lever/vqa-eval'
import type { Device, ModelProtocol, VqaModel, VqaModelOptions } from '@lever/vqa-model'
import { BUNDLED, requirePath } from '../../files.ts'
import type { Option } from '../../options.ts'
import { choice, list, number, text } from '../../options.ts'
import type { Progress } from '../../progress.ts'
import { checkBackendOptions } from './backend-options.ts'

/** Longest answer, in tokens. */
const NEW_TOKENS = 5
/** Most requests at one time per server. */
const REQUESTS = 64

/**
 * The options that name a VQA model and how it runs. Most are undefined when they were not given, so that one that the
 * backend has no use for can be refused.
 */
export const modelOptions: {
  readonly model: Option<string>
  readonly backend: Option<string>
  readonly 'base-url': Option<readonly string[] | undefined>
  readonly concurrency: Option<number | undefined>
  readonly timeout: Option<number | undefined>
  readonly 'extra-body': Option<string | undefined>
  readonly template: Option<string | undefined>
  readonly dtype: Option<string | undefined>
  readonly device: Option<string | undefined>
  readonly workers: Option<number | undefined>
  readonly threads: Option<number | undefined>
  readonly 'max-new-tokens': Option<number | undefined>
  readonly 'decoding-beams': Option<number | undefined>
  readonly 'max-pixels': Option<number | undefined>
  readonly 'image-cache': Option<number | undefined>
} = {
  model: text(
    'model folder in the ONNX layout of the Hub, or the id of a model: a downloaded one, or that of a server',
    {
      default: `${BUNDLED}/model`,
      shown: 'the bundled model',
      aliases: ['vqa-model'],
    },
  ),
  backend: choice(
    'onnx; openai: servers such as vLLM and SGLang, key in LEVER_API_KEY or OPENAI_API_KEY; scripted: a module whose default export answers',
    ['onnx', 'openai', 'scripted'],
    { default: 'onnx' },
  ),
  'base-url': list('servers of --backend openai that share the work, as http://127.0.0.1:8000/v1'),
  concurrency: number(
    'openai: most requests at one time per server; how many there are is found out by trying',
    { min: 1, whole: true, shown: '64' },
  ),
  timeout: number('openai: seconds until a request to a server is given up and repeated', {
    min: 0.1,
    max: 300,
    shown: '120',
  }),
  'extra-body': text('openai: JSON with further fields of every request; part of the protocol'),
  template: text('prompt template: shapes, lever-plus, lever-plus-system', {
    shown: 'shapes for the bundled model, lever-plus for others',
  }),
  dtype: text('dtype of the ONNX files: q4, or decoder_model_merged=q4,vision_encoder=fp16', {
    shown: 'fp32',
  }),
  device: text('onnx: cpu, cuda, cuda:1, webgpu, dml, coreml or auto', { shown: 'cpu' }),
  workers: number('onnx: worker threads, each with a model of its own', {
    min: 0,
    whole: true,
    shown: '2',
  }),
  threads: number('onnx: threads of one worker; 0 chooses', { min: 0, whole: true, shown: '0' }),
  'max-new-tokens': number('longest answer, in tokens', { min: 1, whole: true, shown: '5' }),
  'decoding-beams': number('onnx: 1 for greedy answers, 3 for beam search, as the Python original decodes', {
    min: 1,
    max: 3,
    whole: true,
    shown: '1',
  }),
  'max-pixels': number('onnx: largest area of an image in pixels; fewer visual tokens', {
    min: 1,
    whole: true,
    shown: "the model's own",
  }),
  'image-cache': number('onnx: encoded images kept on disk for later runs, MiB', {
    min: 0,
    whole: true,
    shown: '0',
  }),
}

export interface ModelChoice {
  readonly model: string
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

/** @throws InputError when the model cannot be opened, or for an option that its backend would ignore */
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
  checkBackendOptions(choice)
  const { backend, model, metric = OFFICIAL_METRIC } = choice
  const onNotice = (line: string): void => progress.info(line)
  if (backend === 'scripted') {
    await requirePath(model, '--model')
    return { backend, model, metric }
  }
  if (backend === 'openai') return { ...serverOptionsOf(choice), metric, onNotice }
  if (backend !== 'onnx') {
    throw new InputError(`--backend is "${backend}"; give one of onnx, openai, scripted`)
  }
  const { template, device = 'cpu', dtype = 'fp32', workers = 2, threads = 0, maxPixels } = choice
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
    model: model === modelOptions.model.fallback ? undefined : model,
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
