import { setMaxListeners } from 'node:events'
import { InputError } from '@lever/durable-files'
import { createCaller } from '../openai/caller.ts'
import { promptMessages, readCompletion, type Message } from '../openai/chat.ts'
import { systemClock, type Clock } from '../openai/clock.ts'
import { createImageUrls } from '../openai/image-urls.ts'
import { createProbe, scoreAnswer, type Complete } from '../openai/scores.ts'
import { createServers } from '../openai/servers.ts'
import { meetServers, serverUrls } from '../openai/meet.ts'
import { getPostprocess } from '../postprocess.ts'
import { hashProtocol, type Protocol } from '../protocol.ts'
import { requireScoreAnswers } from '../scores-only.ts'
import { emptyStats } from '../stats.ts'
import { getTemplate, templateId } from '../templates/index.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { AnswerScore, VqaAnswer, VqaModel, VqaPrompt } from '../types.ts'

export interface OpenaiOptions {
  /** base URLs of servers of the same model, as `http://host:8000/v1` */
  baseUrl: string | readonly string[]
  /** id of the model; may be left out where a server has only one */
  model?: string | undefined
  /** sent as bearer token; kept out of errors, notices and the protocol */
  apiKey?: string | undefined
  /** name of a prompt template, or one of your own; `lever-plus` when left out */
  template?: string | PromptTemplate
  /** system prompt in place of the template's; null for none */
  system?: string | null
  maxNewTokens?: number
  postprocess?: string
  metric?: string
  /** most requests at one time per base URL; how many there are is found out by trying */
  concurrency?: number
  /** of one request, milliseconds; `fetch` gives up after 300,000 */
  timeout?: number
  /** most repeats of a request, and most vain tries in a row before the servers count as gone */
  retries?: number
  seed?: number
  /** texts that end an answer, besides the model's own end tokens */
  stop?: readonly string[]
  /** fields for every request, e.g. `{ mm_processor_kwargs: { max_pixels: 200704 } }`; part of the protocol */
  extraBody?: Readonly<Record<string, unknown>>
  /** bytes of images kept in memory, as they are sent */
  imageBytes?: number
  /** most bytes of one image file */
  maxImageBytes?: number
  /** receives one line when a server goes away or comes back */
  onNotice?: (line: string) => void
  clock?: Clock
}

/** Servers that take these fields, and would otherwise apply the model's own repetition penalty. */
const GREEDY = new Map(['vllm', 'sglang'].map((server) => [server, { repetition_penalty: 1 }]))

/**
 * Opens a model at one or several OpenAI-compatible servers (vLLM, SGLang, ...).
 *
 * Every prompt is a chat completion at temperature 0. Requests that fail for a while are repeated;
 * a prompt that the server refuses fails alone. Whether equal prompts get equal answers whatever
 * runs beside them is up to the server.
 *
 * @throws InputError when no server answers, the model is not there, servers differ, or an option is wrong
 */
export async function openOpenaiModel({
  baseUrl,
  model,
  apiKey: key,
  template: named = 'lever-plus',
  system: ownSystem,
  maxNewTokens = 5,
  postprocess: ownPostprocess,
  metric = 'vqa-loo',
  concurrency = 64,
  timeout = 120_000,
  retries = 10,
  seed = 0,
  stop = [],
  extraBody = {},
  imageBytes = 512 * 2 ** 20,
  maxImageBytes = 20 * 2 ** 20,
  onNotice,
  clock = systemClock,
}: OpenaiOptions): Promise<VqaModel> {
  checkKey(key)
  checkCounts({ maxNewTokens, concurrency, timeout, retries, imageBytes, maxImageBytes })
  const template = getTemplate(named)
  const system = ownSystem === undefined ? template.system : ownSystem
  const postprocessName = ownPostprocess ?? template.postprocess
  const postprocess = getPostprocess(postprocessName)
  const servers = createServers(serverUrls(baseUrl), { most: concurrency, clock, onNotice })
  const identity = await meetServers(servers, model, { key, timeout, signal: undefined, clock }, onNotice)
  const request = {
    temperature: 0,
    seed,
    max_tokens: maxNewTokens,
    ...(stop.length > 0 && { stop }),
    ...GREEDY.get(identity.facts['server'] ?? ''),
    ...extraBody,
  }
  const protocol: Protocol = {
    backend: 'openai',
    model: identity.model,
    files: {},
    template: templateId(template),
    system,
    decoding: { maxNewTokens, beams: 1 },
    pixels: { min: 0, max: 0 },
    postprocess: postprocessName,
    metric,
    server: { facts: identity.facts, request },
  }
  const stats = emptyStats()
  const images = createImageUrls({ cache: imageBytes, file: maxImageBytes }, stats)
  const onRetry = (): void => void (stats.retries += 1)
  const call = createCaller({ servers, identity, key, timeout, retries, clock, onRetry })
  const scoring = createProbe(completeWith)

  /** @throws what ends the whole call */
  function completeWith(signal: AbortSignal): Complete {
    return async (messages, fields) => {
      const json = { model: identity.model, ...request, messages, ...fields }
      const outcome = await call('/chat/completions', json, signal)
      if ('error' in outcome) return outcome
      const completion = readCompletion(outcome.body)
      if (typeof completion === 'string') return { error: `vqa-model: ${completion}`, refused: true }
      // OpenAI answers "gpt-4o" as "gpt-4o-2024-08-06".
      if (completion.model?.startsWith(identity.model) === false) {
        throw new InputError(
          `vqa-model: a server answers as ${completion.model} and was asked as ${identity.model}; its answers are not kept, check --base-url`,
        )
      }
      stats.decoderRuns += 1
      return completion
    }
  }

  async function one(prompt: VqaPrompt, signal: AbortSignal, scoresOnly: boolean): Promise<VqaAnswer> {
    const complete = completeWith(signal)
    let messages: Message[]
    try {
      messages = await promptMessages(prompt, template, system, (path) => images.get(path))
    } catch (error) {
      return failed((error as Error).message)
    }
    // Scores need the length of the prompt, which comes with an answer of one token too.
    const said = await complete(messages, scoresOnly ? { max_tokens: 1 } : {})
    if ('error' in said) return failed(said.error)
    stats.prefillTokens += said.promptTokens
    stats.decodeSteps += Math.max(0, said.completionTokens - 1)
    const raw = scoresOnly ? '' : said.text
    const answer = { text: postprocess(raw), raw }
    if (prompt.scoreAnswers === undefined || prompt.scoreAnswers.length === 0) return answer
    const scores: AnswerScore[] = []
    for (const wanted of prompt.scoreAnswers) {
      const score = await scoreAnswer(complete, await scoring(signal), messages, said.promptTokens, wanted)
      if ('error' in score) return failed(score.error)
      scores.push(score)
    }
    return { ...answer, scores }
  }

  function failed(error: string): VqaAnswer {
    stats.failed += 1
    return { text: '', raw: '', error }
  }

  async function answerAll(
    prompts: readonly VqaPrompt[],
    ended: AbortController,
    onProgress: (done: number) => void,
    scoresOnly: boolean,
  ): Promise<VqaAnswer[]> {
    const { signal } = ended
    images.refresh()
    if (prompts.some(({ scoreAnswers }) => scoreAnswers !== undefined && scoreAnswers.length > 0)) {
      await scoring(signal)
    }
    stats.prompts += prompts.length
    const answers = new Array<VqaAnswer>(prompts.length)
    let [next, done] = [0, 0]
    const lane = async (): Promise<void> => {
      for (let index = next++; index < prompts.length; index = next++) {
        signal.throwIfAborted()
        answers[index] = await one(prompts[index]!, signal, scoresOnly)
        onProgress((done += 1))
      }
    }
    const lanes = Math.min(prompts.length, concurrency * servers.all.length)
    const end = (reason: unknown): void => ended.abort(reason)
    await Promise.all(Array.from({ length: lanes }, () => lane().catch(end)))
    signal.throwIfAborted()
    return answers
  }

  const open = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined
  return {
    name: identity.model,
    protocol,
    protocolHash: hashProtocol(protocol),
    async answer(prompts, { signal, onProgress = () => undefined, scoresOnly = false } = {}) {
      if (closing !== undefined) throw new Error('vqa-model: the model is closed; open it again')
      signal?.throwIfAborted()
      if (scoresOnly) requireScoreAnswers(prompts)
      const ended = new AbortController()
      const end = (): void => ended.abort(signal?.reason)
      // One listener per request is no leak.
      setMaxListeners(0, ended.signal, ...(signal === undefined ? [] : [signal]))
      signal?.addEventListener('abort', end, { once: true })
      const answering = answerAll(prompts, ended, onProgress, scoresOnly)
      open.add(answering)
      try {
        return await answering
      } finally {
        open.delete(answering)
        signal?.removeEventListener('abort', end)
      }
    },
    stats: () => ({ ...stats }),
    close() {
      closing ??= Promise.allSettled(open).then(() => undefined)
      return closing
    },
  }
}

/** Anything else cannot stand in a header, and the error of `fetch` would show it. */
function checkKey(key: string | undefined): void {
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return
  throw new InputError(
    'vqa-model: the API key is empty or holds white space or characters beyond ASCII; check LEVER_API_KEY or OPENAI_API_KEY (apiKey)',
  )
}

function checkCounts(counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    const least = name === 'imageBytes' || name === 'retries' ? 0 : 1
    if (!(Number.isInteger(value) && value >= least)) {
      throw new InputError(`vqa-model: ${name} is ${value}; it must be a whole number of at least ${least}`)
    }
  }
  if (counts['timeout']! > 300_000) {
    throw new InputError(
      `vqa-model: timeout is ${counts['timeout']!} ms; Node's fetch waits 300000 ms at most`,
    )
  }
}
