import { InputError } from '@lever/durable-files'
import type { VqaExample } from '@lever/vqa-eval/node'
import type { Device, VqaAnswer, VqaModel, VqaPrompt } from '@lever/vqa-model'
import { BUNDLED, requirePath } from '../files.ts'
import type { Option } from '../options.ts'
import { choice, list, number, text } from '../options.ts'
import type { Progress } from '../progress.ts'

/** The options that name a VQA model and how it runs. */
export const modelOptions: {
  readonly model: Option<string>
  readonly backend: Option<string>
  readonly 'base-url': Option<readonly string[]>
  readonly concurrency: Option<number>
  readonly timeout: Option<number>
  readonly 'extra-body': Option<string | undefined>
  readonly template: Option<string | undefined>
  readonly dtype: Option<string>
  readonly device: Option<string>
  readonly workers: Option<number>
  readonly threads: Option<number>
  readonly 'max-new-tokens': Option<number>
  readonly 'decoding-beams': Option<number>
  readonly 'max-pixels': Option<number | undefined>
  readonly 'image-cache': Option<number>
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
  'base-url': list('servers of --backend openai that share the work, as http://127.0.0.1:8000/v1', {
    default: [],
  }),
  concurrency: number('most requests at one time per server; how many there are is found out by trying', {
    default: 64,
    min: 1,
    whole: true,
  }),
  timeout: number('seconds until a request to a server is given up and repeated', {
    default: 120,
    min: 0.1,
    max: 300,
  }),
  'extra-body': text('JSON with further fields of every request to a server; part of the protocol'),
  template: text('prompt template: shapes, lever-plus, lever-plus-system', {
    shown: 'shapes for the bundled model, lever-plus for others',
  }),
  dtype: text('dtype of the ONNX files: q4, or decoder_model_merged=q4,vision_encoder=fp16', {
    default: 'fp32',
  }),
  device: text('cpu, cuda, cuda:1, webgpu, dml, coreml or auto', { default: 'cpu' }),
  workers: number('worker threads, each with a model of its own', { default: 2, min: 0, whole: true }),
  threads: number('threads of one worker; 0 chooses', { default: 0, min: 0, whole: true }),
  'max-new-tokens': number('longest answer, in tokens', { default: 5, min: 1, whole: true }),
  'decoding-beams': number('1: greedy answers; 3: beam search, as the Python original decodes', {
    default: 1,
    min: 1,
    max: 3,
    whole: true,
  }),
  'max-pixels': number('largest area of an image in pixels; fewer visual tokens', {
    min: 1,
    whole: true,
    shown: "the model's own",
  }),
  'image-cache': number('encoded images kept on disk for later runs, MiB', {
    default: 0,
    min: 0,
    whole: true,
  }),
}

export interface ModelChoice {
  readonly model: string
  readonly backend: string
  readonly baseUrl?: readonly string[]
  readonly concurrency?: number
  /** seconds */
  readonly timeout?: number
  readonly extraBody?: string | undefined
  readonly template?: string | undefined
  readonly dtype?: string
  readonly device: string
  readonly workers: number
  readonly threads: number
  readonly maxNewTokens: number
  readonly decodingBeams?: number
  readonly maxPixels?: number | undefined
  readonly imageCache?: number
}

/** @throws InputError when the model cannot be opened */
export async function openModel(choice: ModelChoice, progress: Progress): Promise<VqaModel> {
  const { backendNames, openVqaModel } = await import('@lever/vqa-model')
  const { backend, model, device, ...rest } = choice
  if (backend === 'scripted') {
    await requirePath(model, '--model')
    return openVqaModel({ backend, model })
  }
  if (backend === 'onnx') {
    const {
      template,
      workers,
      threads,
      maxNewTokens,
      dtype = 'fp32',
      decodingBeams = 1,
      maxPixels,
      imageCache = 0,
    } = rest
    return openVqaModel({
      ...{ backend, model, device: device as Device, dtype, workers, threads, maxNewTokens },
      beams: decodingBeams as 1 | 3,
      imageDiskBytes: imageCache * 2 ** 20,
      ...(template !== undefined && { template }),
      ...(maxPixels !== undefined && { pixels: { max: maxPixels } }),
      onNotice: (line) => progress.info(line),
    })
  }
  if (backend === 'openai') return openServers(choice, progress)
  throw new InputError(`--backend is "${backend}"; give one of ${backendNames.join(', ')}`)
}

async function openServers(choice: ModelChoice, progress: Progress): Promise<VqaModel> {
  const { model, template, maxNewTokens, baseUrl = [], concurrency = 64, timeout = 120 } = choice
  if ((choice.decodingBeams ?? 1) !== 1) {
    throw new InputError('--decoding-beams: servers answer greedily; leave it out, or use --backend onnx')
  }
  if (choice.maxPixels !== undefined) {
    throw new InputError(
      '--max-pixels: a server prepares its images itself; start it with the limit, or for vLLM give --extra-body \'{"mm_processor_kwargs":{"max_pixels":200704}}\'',
    )
  }
  const apiKey = process.env['LEVER_API_KEY'] ?? process.env['OPENAI_API_KEY']
  const { openVqaModel } = await import('@lever/vqa-model')
  return openVqaModel({
    ...{ backend: 'openai', baseUrl, concurrency, maxNewTokens, apiKey },
    model: model === modelOptions.model.fallback ? undefined : model,
    timeout: Math.round(1000 * timeout),
    ...(template !== undefined && { template }),
    ...(choice.extraBody !== undefined && { extraBody: parseBody(choice.extraBody) }),
    onNotice: (line) => progress.info(line),
  })
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
  return { batchSize: 1, concurrency: (choice.concurrency ?? 64) * Math.max(1, choice.baseUrl?.length ?? 1) }
}

/** What is asked, in the words of the generating and the evaluating packages. */
interface AskedPrompt {
  readonly demonstrations: readonly Asked[]
  readonly query: Asked
}

type Asked = Pick<VqaExample, 'id' | 'question' | 'answer'> & {
  readonly image?: string
  readonly answers?: readonly string[]
}

/** An answer, as the data keeps it. */
export interface AskedAnswer {
  readonly text: string
  readonly raw: string
  readonly error?: string
  /** Log-probabilities of the human answers, where asked for. */
  readonly scores?: VqaAnswer['scores']
}

/**
 * The model as the function that `rl-generate` and `icl-eval` take. A prompt without an image fails alone.
 *
 * @param options.score the answers of a query whose log-probabilities are wanted, most important first
 */
export function answerWith(
  model: VqaModel,
  {
    score = () => [],
  }: { score?: (query: { readonly answers?: readonly string[] }) => readonly string[] } = {},
): (prompts: readonly AskedPrompt[], options: { readonly signal?: AbortSignal }) => Promise<AskedAnswer[]> {
  return async (prompts, { signal }) => {
    const missing = prompts.map(({ demonstrations, query }) =>
      [...demonstrations, query].find(({ image }) => image === undefined),
    )
    const asked = prompts.filter((_, i) => missing[i] === undefined)
    const answers = await model.answer(
      asked.map((prompt) => ({ ...promptOf(prompt), scoreAnswers: score(prompt.query) })),
      signal ? { signal } : {},
    )
    const results = answers.map(answerOf).values()
    return missing.map((example) =>
      example === undefined
        ? (results.next().value ?? failed('the model gave no answer'))
        : failed(`example ${example.id} has no image file; check the image folder`),
    )
  }
}

function failed(error: string): AskedAnswer {
  return { text: '', raw: '', error }
}

/** A prompt of examples that all have images. */
export function promptOf({ demonstrations, query }: AskedPrompt): VqaPrompt {
  return {
    demonstrations: demonstrations.map(({ id, image, question, answer }) => ({
      id,
      image: image!,
      question,
      answer,
    })),
    query: { id: query.id, image: query.image!, question: query.question },
  }
}

function answerOf({ text: answer, raw, error, scores }: VqaAnswer): AskedAnswer {
  return { text: answer, raw, ...(error !== undefined && { error }), ...(scores !== undefined && { scores }) }
}
