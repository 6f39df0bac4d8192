import { InputError } from '@lever/durable-files'
import type { OpenaiOptions } from '../openai/options.ts'
import type { Backend } from './backend.ts'
import { decodingSettings, promptSettings, stopsOf, systemOf } from './common-settings.ts'

const own = {
  baseUrl: { type: 'list', about: 'URLs of servers that share the work, such as http://127.0.0.1:8000/v1' },
  concurrency: {
    type: 'number',
    about: 'upper limit for concurrent requests per server; the number in use adapts to the server',
    min: 1,
    whole: true,
    default: 64,
  },
  timeout: {
    type: 'number',
    about: 'timeout of a request to a server, in seconds, after which it is repeated',
    min: 0.1,
    max: 300,
    default: 120,
  },
  extraBody: {
    type: 'text',
    about: 'JSON object with extra fields for every request to a server; part of the protocol',
  },
} as const

type OpenaiSettings = typeof own & typeof promptSettings & typeof decodingSettings

const settings: OpenaiSettings = { ...own, ...promptSettings, ...decodingSettings }

/** A model at servers with the API of OpenAI: vLLM, SGLang and others. */
export const openai: Backend<OpenaiOptions, OpenaiSettings> = {
  about: 'servers such as vLLM and SGLang, key in LEVER_API_KEY or OPENAI_API_KEY',
  settings,
  toOptions(
    {
      baseUrl = [],
      concurrency,
      timeout,
      extraBody,
      template,
      system,
      maxNewTokens,
      stop,
      postprocess,
      decodingBeams,
      maxPixels,
      minPixels,
    },
    { model, metric, env = {}, onNotice },
  ) {
    if (decodingBeams !== 1) {
      throw new InputError('--decoding-beams: servers answer greedily; leave it out, or use --backend onnx')
    }
    if (maxPixels !== undefined || minPixels !== undefined) {
      const option = maxPixels === undefined ? '--min-pixels' : '--max-pixels'
      throw new InputError(
        `${option}: a server prepares its images itself; start it with the limit, or for vLLM give --extra-body '{"mm_processor_kwargs":{"max_pixels":200704}}'`,
      )
    }
    return {
      ...{ baseUrl, model, concurrency, maxNewTokens },
      apiKey: env['LEVER_API_KEY'] ?? env['OPENAI_API_KEY'],
      timeout: Math.round(1000 * timeout),
      ...stopsOf(stop),
      ...(postprocess !== undefined && { postprocess }),
      ...(template !== undefined && { template }),
      ...systemOf(system),
      ...(extraBody !== undefined && { extraBody: parseBody(extraBody) }),
      ...(metric !== undefined && { metric }),
      ...(onNotice && { onNotice }),
    }
  },
  optionNames: {
    baseUrl: true,
    model: true,
    apiKey: true,
    template: true,
    system: true,
    maxNewTokens: true,
    postprocess: true,
    metric: true,
    concurrency: true,
    timeout: true,
    retries: true,
    seed: true,
    stop: true,
    extraBody: true,
    imageBytes: true,
    maxImageBytes: true,
    onNotice: true,
    clock: true,
  },
  open: async (options) => (await import('../openai/open-openai.ts')).openOpenaiModel(options),
}

function parseBody(json: string): Record<string, unknown> {
  try {
    const body = JSON.parse(json) as unknown
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
      return body as Record<string, unknown>
    }
  } catch {
    // Reported below.
  }
  throw new InputError(`--extra-body is ${JSON.stringify(json)}; give a JSON object`)
}
