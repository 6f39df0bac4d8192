import { InputError } from '@lever/durable-files'
import type { PostprocessName } from '../postprocess.ts'
import type { TemplateName } from '../templates/index.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { Clock } from './clock.ts'

/** Servers with the API of OpenAI, and how they are asked. */
export interface OpenaiOptions {
  /** base URLs of servers of the same model, as `http://host:8000/v1` */
  baseUrl: string | readonly string[]
  /** id of the model; may be left out where a server has only one */
  model?: string | undefined
  /** sent as bearer token; kept out of errors, notices and the protocol */
  apiKey?: string | undefined
  /** name of a prompt template, or one of your own; `lever-plus` when left out */
  template?: TemplateName | PromptTemplate
  /** system prompt in place of the template's; null for none */
  system?: string | null
  /** most tokens of an answer; 5 when left out */
  maxNewTokens?: number
  /** what of the written text is the answer; the template's when left out */
  postprocess?: PostprocessName
  /** what answers will be scored by; recorded in the protocol, `vqa-loo` when left out */
  metric?: string
  /** most requests at one time per base URL; how many there are is found out by trying */
  concurrency?: number
  /** of one request, milliseconds; `fetch` gives up after 300,000 */
  timeout?: number
  /** most repeats of a request, and most vain tries in a row before the servers count as gone */
  retries?: number
  /** sent with every request; 0 when left out */
  seed?: number
  /** texts that end an answer, besides the model's own end tokens; the template's when left out */
  stop?: readonly string[]
  /** fields for every request, e.g. `{ mm_processor_kwargs: { max_pixels: 200704 } }`; part of the protocol */
  extraBody?: Readonly<Record<string, unknown>>
  /** bytes of images kept in memory, as they are sent */
  imageBytes?: number
  /** most bytes of one image file */
  maxImageBytes?: number
  /** receives one line when a server goes away or comes back */
  onNotice?: (line: string) => void
  /** time and chance, for tests */
  clock?: Clock
}

/** Node's `fetch` waits no longer for a response to begin. */
const MAX_TIMEOUT_MS = 300_000

/** @throws InputError for a key that cannot stand in a header: the error of `fetch` would show it */
export function checkKey(key: string | undefined): void {
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return
  throw new InputError(
    'vqa-model: the API key is empty or holds white space or characters beyond ASCII; check LEVER_API_KEY or OPENAI_API_KEY (apiKey)',
  )
}

/** @throws InputError for a number that is not whole or too small, and for a timeout that `fetch` cannot keep */
export function checkCounts(counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    const least = name === 'imageBytes' || name === 'retries' ? 0 : 1
    if (!(Number.isInteger(value) && value >= least)) {
      throw new InputError(`vqa-model: ${name} is ${value}; it must be a whole number of at least ${least}`)
    }
  }
  if (counts['timeout']! > MAX_TIMEOUT_MS) {
    throw new InputError(
      `vqa-model: timeout is ${counts['timeout']!} ms; Node's fetch waits ${MAX_TIMEOUT_MS} ms at most`,
    )
  }
}
