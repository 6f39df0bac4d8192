import { InputError } from '@lever/durable-files'
import type { ScoredAnswer } from '../types.ts'
import { REMEDY, type PromptFailure } from './caller.ts'
import type { Message } from './chat.ts'
import type { Completion } from './response.ts'

/**
 * Asks for a chat completion of these messages, with further fields.
 *
 * @param wantsText false where only log-probabilities and counts are used
 */
export type Complete = (
  messages: readonly Message[],
  fields: object,
  wantsText: boolean,
) => Promise<Completion | PromptFailure>

/** What a server's prompt log-probabilities look like, found out once. */
export interface Scoring {
  /** tokens that the chat template writes after an answer, the end token first */
  readonly closing: readonly TokenScore[]
}

/** A token of a prompt and its log-probability. */
export interface TokenScore {
  readonly id: string
  readonly text: string | undefined
  readonly logProb: number
}

/** `prompt_logprobs: 0` asks for the prompt's own tokens and no others. */
const FIELDS = { prompt_logprobs: 0, max_tokens: 1, add_generation_prompt: false }

/**
 * Asks for prompt log-probabilities, an extension of vLLM: of an answer once closed and once left
 * open; what the first has more is what closes an answer.
 *
 * @throws InputError if the server does not offer them; Error when it failed, which says nothing of what it can do
 */
async function probeScoring(complete: Complete): Promise<Scoring> {
  const messages: Message[] = [
    { role: 'user', content: 'Is it red?' },
    { role: 'assistant', content: 'yes' },
  ]
  const ask = async (fields: object): Promise<TokenScore[]> => {
    const said = await complete(messages, fields, false)
    if ('error' in said && said.kind === 'transient') throw new Error(`${said.error}; ${REMEDY}`)
    const tokens = tokensOf(said)
    if (typeof tokens === 'string') throw refused(tokens)
    return tokens
  }
  const closed = await ask(FIELDS)
  const open = await ask({ ...FIELDS, continue_final_message: true })
  const closing = closed.slice(open.length)
  if (closing.length === 0) throw refused('its chat template does not close an answer with an end token')
  return { closing }
}

/**
 * `probeScoring` for several calls: the first one asks, and what it learns is kept. A probe that failed is not, and
 * one whose call was aborted is begun again by the calls that waited for it.
 *
 * @throws as `probeScoring`; the signal's reason
 */
export function createProbe(
  completeWith: (signal: AbortSignal) => Complete,
): (signal: AbortSignal) => Promise<Scoring> {
  let probe: { readonly signal: AbortSignal; readonly found: Promise<Scoring> } | undefined
  return async (signal) => {
    for (;;) {
      signal.throwIfAborted()
      const asked = (probe ??= { signal, found: probeScoring(completeWith(signal)) })
      try {
        return await asked.found
      } catch (error) {
        if (probe === asked) probe = undefined
        if (asked.signal === signal || !asked.signal.aborted) throw error
      }
    }
  }
}

function refused(why: string): InputError {
  return new InputError(
    `vqa-model: this server cannot score given answers (${why}); scores need prompt_logprobs in chat completions, as vLLM has them; measure without scores (--reward accuracy), or with backend onnx`,
  )
}

/**
 * log p(answer, end token | prompt): the answer is sent as a finished assistant turn after the
 * prompt, and what the model gives its tokens is added up. Where the answer begins is known from
 * the prompt's own length, where it ends from what closes an answer.
 *
 * @param promptTokens tokens of the prompt with the generation prompt and without an answer
 */
export async function scoreAnswer(
  complete: Complete,
  { closing }: Scoring,
  messages: readonly Message[],
  promptTokens: number,
  answer: string,
): Promise<ScoredAnswer | PromptFailure> {
  const text = answer.trim()
  if (promptTokens < 1) {
    return { error: 'vqa-model: the server does not count the tokens of a prompt (usage)', kind: 'transient' }
  }
  const said = await complete([...messages, { role: 'assistant', content: text }], FIELDS, false)
  if ('error' in said) return said
  const tokens = tokensOf(said)
  if (typeof tokens === 'string') return unscored(answer, tokens)
  // The first token of a prompt has no log-probability and is not in the list.
  const tail = tokens.slice(promptTokens - 1)
  const scored = tail.slice(0, tail.length - closing.length + 1)
  const own = scored.slice(0, -1)
  const written = own.every((token) => token.text !== undefined)
    ? own.map((token) => token.text).join('')
    : text
  const whole = written.includes('\uFFFD') || written.trim() === text
  if (scored.at(-1)?.id !== closing[0]!.id || own.length === 0 || !whole) {
    return unscored(
      answer,
      `the server's chat template writes ${JSON.stringify(written)} where the answer belongs`,
    )
  }
  return { answer, logProb: scored.reduce((sum, { logProb }) => sum + logProb, 0), tokens: scored.length }
}

function unscored(answer: string, why: string): PromptFailure {
  return { error: `vqa-model: "${answer}" could not be scored: ${why}`, kind: 'prompt' }
}

/** The tokens of a prompt but the first; or why they cannot be had. */
function tokensOf(said: Completion | PromptFailure): TokenScore[] | string {
  if ('error' in said) return said.error.replace(/^vqa-model: /, '')
  const { promptLogprobs: list } = said
  if (!Array.isArray(list)) return 'its answers have no prompt_logprobs'
  const tokens: TokenScore[] = []
  for (const entry of list.slice(1) as (Record<
    string,
    { logprob?: unknown; decoded_token?: unknown }
  > | null)[]) {
    const [id, token] = Object.entries(entry ?? {})[0] ?? []
    if (id === undefined || typeof token?.logprob !== 'number') return 'its prompt_logprobs have gaps'
    const { decoded_token: text } = token
    tokens.push({ id, logProb: token.logprob, text: typeof text === 'string' ? text : undefined })
  }
  return tokens
}
