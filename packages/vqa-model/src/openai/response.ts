import { afterThinking } from './thinking.ts'
import { troubleOf, type Failure, type Trouble } from './send.ts'

/** What a chat completion says, as far as it is used. */
export interface Completion {
  /** the answer, without reasoning before it */
  readonly text: string
  /** all that the model wrote */
  readonly raw: string
  /** tokens of the prompt, images included; 0 when the server does not count */
  readonly promptTokens: number
  readonly completionTokens: number
  /** log-probability of every token of the prompt but the first, where asked for */
  readonly promptLogprobs: unknown
  /** the model that answered, when it says so */
  readonly model: string | undefined
}

/** The parts of a response that decide what it is. Servers send anything, so nothing is taken for granted. */
interface Seen {
  readonly body: Record<string, unknown>
  readonly choice: Record<string, unknown>
  readonly message: Record<string, unknown>
  /** undefined when there is no text, not even an empty one */
  readonly text: string | undefined
  /** `text` without reasoning; undefined also when reasoning was cut off */
  readonly answer: string | undefined
  readonly isCut: boolean
  readonly hasReasoning: boolean
}

interface Rule {
  readonly label: string
  readonly trouble: Trouble
  /** @returns why the rule applies; undefined when it does not */
  readonly why: (seen: Seen) => string | undefined
  /** Does it matter where only log-probabilities of the prompt are wanted? */
  readonly evenWithoutText?: boolean
}

const HINT =
  'switch reasoning off, e.g. --extra-body \'{"chat_template_kwargs":{"enable_thinking":false}}\', or raise --max-new-tokens'

/**
 * What a response with HTTP 200 and a JSON body can be besides an answer. The first rule that applies decides.
 * Responses with another status or another body are told apart in send.ts, by the same kinds.
 */
const RULES: readonly Rule[] = [
  {
    label: 'no choices',
    trouble: 'server',
    evenWithoutText: true,
    why: ({ body }) => {
      const [first] = Array.isArray(body['choices']) ? (body['choices'] as unknown[]) : []
      const message = (first as { message?: unknown } | null | undefined)?.message
      if (typeof message === 'object' && message !== null) return undefined
      return `the response has no choices[0].message: ${JSON.stringify(body).slice(0, 200)}`
    },
  },
  {
    label: 'aborted',
    trouble: 'server',
    evenWithoutText: true,
    why: ({ choice }) =>
      choice['finish_reason'] === 'abort' || choice['finish_reason'] === 'error'
        ? `the server gave the answer up (finish_reason ${choice['finish_reason']})`
        : undefined,
  },
  {
    label: 'held back',
    trouble: 'refused',
    why: ({ choice }) =>
      choice['finish_reason'] === 'content_filter'
        ? 'the server held the answer back (finish_reason content_filter)'
        : undefined,
  },
  {
    label: 'refusal',
    trouble: 'refused',
    why: ({ message }) => {
      const refusal = refusalOf(message)
      return refusal === undefined ? undefined : `the model refuses to answer: ${refusal}`
    },
  },
  {
    label: 'tool call',
    trouble: 'refused',
    why: ({ message, text = '' }) =>
      text === '' && Array.isArray(message['tool_calls']) && message['tool_calls'].length > 0
        ? 'the model called a tool in place of an answer'
        : undefined,
  },
  {
    label: 'reasoning',
    trouble: 'refused',
    why({ text = '', answer = '', isCut, hasReasoning }) {
      const isOpen = afterThinking(text) === undefined
      if (answer !== '' || !(hasReasoning || isOpen || (isCut && text !== ''))) return undefined
      return `the model ${isCut ? 'spent its tokens on reasoning' : 'wrote its reasoning'} and no answer; ${HINT}`
    },
  },
  {
    label: 'no text',
    trouble: 'server',
    why: ({ text, choice }) =>
      text === undefined
        ? `the response has no text (content null, finish_reason ${String(choice['finish_reason'])})`
        : undefined,
  },
]

/**
 * Reads the body of a chat completion.
 *
 * @param wantsText false where only log-probabilities and counts are used: the text may then be missing
 * @returns a Failure (with `kind`) when it is not an answer
 */
export function readResponse(body: unknown, wantsText: boolean): Completion | Failure {
  const fields = recordOf(body)
  const error = errorOf(fields)
  if (error !== undefined) return error
  const seen = look(fields)
  for (const { label, trouble, why, evenWithoutText = false } of RULES) {
    const detail = wantsText || evenWithoutText ? why(seen) : undefined
    if (detail !== undefined) return { kind: trouble, label, detail }
  }
  const usage = recordOf(fields['usage'])
  return {
    text: seen.answer ?? '',
    raw: seen.text ?? '',
    promptTokens: countOf(usage['prompt_tokens']),
    completionTokens: countOf(usage['completion_tokens']),
    promptLogprobs: fields['prompt_logprobs'],
    model: typeof fields['model'] === 'string' ? fields['model'] : undefined,
  }
}

export function isFault(read: Completion | Failure): read is Failure {
  return 'kind' in read
}

/** An error that came with status 200, at the top (vLLM behind a proxy) or in the choice (OpenRouter). */
function errorOf(body: Record<string, unknown>): Failure | undefined {
  const [choice] = Array.isArray(body['choices']) ? (body['choices'] as unknown[]) : []
  const error = body['error'] ?? recordOf(choice)['error']
  if (error === undefined || error === null || error === false) return undefined
  const { code, status, message, type } = recordOf(error)
  const number = [code, status, body['code']].map(Number).find((value) => value >= 400 && value < 600)
  const kind =
    type === 'invalid_request_error' ? 'prompt' : number === undefined ? 'server' : troubleOf(number)
  const detail =
    typeof error === 'string' ? error : typeof message === 'string' ? message : JSON.stringify(error)
  const label = `200 with error${number === undefined ? '' : ` ${number}`}`
  return {
    kind,
    label,
    detail: `${label}: ${detail.slice(0, 300)}`,
    ...(number !== undefined && { status: number }),
  }
}

function look(body: Record<string, unknown>): Seen {
  const choice = recordOf(Array.isArray(body['choices']) ? (body['choices'] as unknown[])[0] : undefined)
  const message = recordOf(choice['message'])
  const text = textOf(message['content'])
  const details = recordOf(recordOf(body['usage'])['completion_tokens_details'])
  const thoughts = [message['reasoning'], message['reasoning_content']]
  return {
    body,
    choice,
    message,
    text,
    answer: text === undefined ? undefined : afterThinking(text),
    isCut: choice['finish_reason'] === 'length',
    hasReasoning:
      thoughts.some((thought) => typeof thought === 'string' && thought !== '') ||
      countOf(details['reasoning_tokens']) > 0,
  }
}

/** A text, or the texts of a list of parts; parts of other types (thinking, images) are no text. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return undefined
  const texts = content
    .map((part: unknown) => (typeof part === 'string' ? part : recordOf(part)['text']))
    .filter((text) => typeof text === 'string')
  return texts.length === 0 ? undefined : texts.join('')
}

function refusalOf({ refusal, content }: Record<string, unknown>): string | undefined {
  const parts = Array.isArray(content) ? content.map((part: unknown) => recordOf(part)['refusal']) : []
  return [refusal, ...parts]
    .find((text): text is string => typeof text === 'string' && text !== '')
    ?.slice(0, 300)
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? value : 0
}
