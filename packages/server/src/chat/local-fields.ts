import { Refusal } from '../http/refusal.ts'

/** Fields that change an answer in a way that the local model cannot follow, and the values that change nothing. */
const FIXED: Readonly<Record<string, { readonly same: readonly unknown[]; readonly why: string }>> = {
  n: { same: [1], why: 'it gives one answer' },
  temperature: { same: [0], why: 'it decodes greedily, which is temperature 0' },
  frequency_penalty: { same: [0], why: 'it decodes greedily, without penalties' },
  presence_penalty: { same: [0], why: 'it decodes greedily, without penalties' },
  repetition_penalty: { same: [1], why: 'it decodes greedily, without penalties' },
  logprobs: { same: [false], why: 'it gives no log-probabilities here' },
  top_logprobs: { same: [0], why: 'it gives no log-probabilities here' },
  prompt_logprobs: { same: [], why: 'it gives no log-probabilities here' },
  logit_bias: { same: [], why: 'it knows no bias' },
  stop: { same: [], why: 'it stops at the end of its answer only' },
  response_format: { same: [], why: 'it writes plain text' },
  tools: { same: [], why: 'it has no tools' },
  functions: { same: [], why: 'it has no tools' },
}

/** @throws Refusal (400) for a field that would change the answer of a model that can follow it */
export function checkFields(body: Readonly<Record<string, unknown>>, maxNewTokens: number): void {
  for (const [field, { same, why }] of Object.entries(FIXED)) {
    const value = body[field]
    if (value === undefined || value === null || same.includes(value) || isEmpty(value)) continue
    const remedy = same.length === 0 ? 'leave it out' : `leave it out or set it to ${String(same[0])}`
    throw new Refusal(400, `${field} is not for the local model: ${why}; ${remedy}`)
  }
  for (const field of ['max_tokens', 'max_completion_tokens']) {
    const value = body[field]
    if (typeof value === 'number' && value < maxNewTokens) {
      throw new Refusal(
        400,
        `${field} is ${value}, and the local model was started for answers of up to ${maxNewTokens} tokens; ask for as many, or start the server with --max-new-tokens ${value}`,
      )
    }
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
