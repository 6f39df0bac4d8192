import { setMaxListeners } from 'node:events'
import { createAnswerAll, type AnswerAll } from './answer.ts'
import { createCaller } from './caller.ts'
import { systemClock } from './clock.ts'
import type { Identity } from './identity.ts'
import { createImageUrls } from './image-urls.ts'
import { meetServers, serverUrls } from './meet.ts'
import { checkCounts, checkKey, type OpenaiOptions } from './options.ts'
import { createServers } from './servers.ts'
import { getPostprocess } from '../postprocess.ts'
import { needsOf } from '../prompt/needs.ts'
import { hashProtocol, type Protocol } from '../protocol.ts'
import { requireScoreAnswers } from '../scores-only.ts'
import { emptyStats } from '../stats.ts'
import { getTemplate, templateId } from '../templates/index.ts'
import type { AnswerOptions, Answer, BackendModel, Prompt } from '../types.ts'

export type { OpenaiOptions }

/** Servers that take these fields, and would otherwise apply the model's own repetition penalty. */
const GREEDY_FIELDS = new Map(['vllm', 'sglang'].map((server) => [server, { repetition_penalty: 1 }]))

/**
 * Opens a model at one or several OpenAI-compatible servers (vLLM, SGLang, ...).
 *
 * Every prompt is a chat completion at temperature 0. Requests that fail for a while are repeated;
 * a prompt that the server refuses fails alone. Whether equal prompts get equal answers whatever
 * runs beside them is up to the server.
 *
 * @throws InputError if no server answers, the model is not there, servers differ, or an option is wrong
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
  stop: ownStop,
  extraBody = {},
  imageBytes = 512 * 2 ** 20,
  maxImageBytes = 20 * 2 ** 20,
  onNotice,
  clock = systemClock,
}: OpenaiOptions): Promise<BackendModel> {
  checkKey(key)
  checkCounts({ maxNewTokens, concurrency, timeout, retries, imageBytes, maxImageBytes })
  const template = getTemplate(named)
  const system = ownSystem === undefined ? template.system : ownSystem
  const postprocess = ownPostprocess ?? template.postprocess
  const stop = ownStop ?? template.stop ?? []
  const postprocessText = getPostprocess(postprocess)
  const servers = createServers(serverUrls(baseUrl), { most: concurrency, clock, onNotice })
  const identity = await meetServers(servers, model, { key, timeout, signal: undefined, clock }, onNotice)
  const request = requestOf(identity, { maxNewTokens, seed, stop, extraBody })
  const protocol: Protocol = {
    backend: 'openai',
    model: identity.model,
    files: {},
    template: templateId(template),
    system,
    decoding: { maxNewTokens, beams: 1 },
    pixels: { min: 0, max: 0 },
    postprocess,
    metric,
    server: { facts: identity.facts, request },
  }
  const stats = emptyStats()
  const onRetry = (): void => void (stats.retries += 1)
  const answerAll = createAnswerAll({
    model: identity.model,
    request,
    template,
    system,
    postprocess: postprocessText,
    images: createImageUrls({ cache: imageBytes, file: maxImageBytes }, stats),
    call: createCaller({ servers, identity, key, timeout, retries, clock, onRetry }),
    stats,
    lanes: concurrency * servers.all.length,
  })
  return {
    name: identity.model,
    protocol,
    protocolHash: hashProtocol(protocol),
    needs: needsOf(template),
    calls: { sharesWork: false, concurrency: concurrency * servers.all.length },
    stats: () => ({ ...stats }),
    ...closable(answerAll),
  }
}

/** The fields of every request besides the model and the messages. */
function requestOf(
  { facts }: Identity,
  {
    maxNewTokens,
    seed,
    stop,
    extraBody,
  }: Required<Pick<OpenaiOptions, 'maxNewTokens' | 'seed' | 'stop' | 'extraBody'>>,
): Record<string, unknown> {
  return {
    temperature: 0,
    seed,
    max_tokens: maxNewTokens,
    ...(stop.length > 0 && { stop }),
    ...GREEDY_FIELDS.get(facts['server'] ?? ''),
    ...extraBody,
  }
}

/** `answer` for calls that may run beside each other, and a `close` that waits for them. */
function closable(answerAll: AnswerAll): Pick<BackendModel, 'answer' | 'close'> {
  const open = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined
  const answer = async (
    prompts: readonly Prompt[],
    { signal, onProgress = () => undefined, scoresOnly = false }: AnswerOptions = {},
  ): Promise<Answer[]> => {
    if (closing !== undefined) throw new Error('vqa-model: the model is closed; open it again')
    signal?.throwIfAborted()
    if (scoresOnly) requireScoreAnswers(prompts)
    const ended = new AbortController()
    const end = (): void => ended.abort(signal?.reason)
    // One listener per request is no leak.
    setMaxListeners(0, ended.signal, ...(signal === undefined ? [] : [signal]))
    signal?.addEventListener('abort', end, { once: true })
    const answering = answerAll(prompts, { ended, onProgress, scoresOnly })
    open.add(answering)
    try {
      return await answering
    } finally {
      open.delete(answering)
      signal?.removeEventListener('abort', end)
    }
  }
  return {
    answer,
    close: () => (closing ??= Promise.allSettled(open).then(() => undefined)),
  }
}
