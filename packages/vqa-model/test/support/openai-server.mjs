// An OpenAI-compatible server in a process of its own, with a scripted model that always says the same
// and faults on request: node openai-server.mjs '{"port": 0, "faults": ["429"]}'
//
// Every different chat completion meets the next fault of the list at its first try, and is answered at
// the second one. GET /seen tells what came in. The tests need no other server.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

const {
  port = 0,
  model = 'toy-vlm',
  answersAs = model,
  ownedBy = 'vllm',
  version = '0.11.0',
  key,
  scoring = true,
  /** status of the answer where scores are asked for */
  unable,
  contextLength = 4096,
  /** 429, 429-date, 503, 500, reset, slow, truncated, and those of BODIES */
  faults = [],
  /** ... and always for prompts with this text */
  broken,
  /** where every POST is redirected to */
  movedTo,
  /** in place of every answer: the first choice, or all of the body as text */
  choice,
  body: wholeBody,
  delay = 0,
  slow = 1500,
} = JSON.parse(process.argv[2] ?? '{}')

/** Bodies with status 200 that are no answer. */
const BODIES = {
  'error-200': '{"error": {"message": "overloaded", "code": 503}}',
  'no-choices': '{"id": "x", "choices": []}',
  'no-text': '{"choices": [{"message": {"role": "assistant", "content": null}, "finish_reason": "stop"}]}',
  abort: '{"choices": [{"message": {"content": "re"}, "finish_reason": "abort"}]}',
  empty: '',
  html: '<html>One moment, please</html>',
  null: 'null',
}

const seen = { requests: 0, faults: {}, answered: {}, running: 0, mostRunning: 0, last: null }
const tries = new Map()

const server = createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => {
    void answer(request, response, Buffer.concat(parts).toString()).catch((error) => {
      response.destroy(error)
    })
  })
})

async function answer(request, response, text) {
  if (request.url === '/seen') return json(response, 200, seen)
  seen.requests += 1
  if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
    return error(response, 401, `Incorrect API key provided: ${request.headers.authorization?.slice(7)}.`)
  }
  if (request.url === '/version' && ownedBy === 'vllm') return json(response, 200, { version })
  if (request.url === '/get_server_info' && ownedBy === 'sglang') return json(response, 200, { version })
  if (request.url === '/v1/models') {
    return json(response, 200, {
      object: 'list',
      data: [{ id: model, object: 'model', owned_by: ownedBy, root: `/models/${model}` }],
    })
  }
  if (request.url !== '/v1/chat/completions') return error(response, 404, `no ${request.url}`)
  seen.running += 1
  seen.mostRunning = Math.max(seen.mostRunning, seen.running)
  try {
    await complete(response, text)
  } finally {
    seen.running -= 1
  }
}

async function complete(response, text) {
  const body = JSON.parse(text)
  seen.last = body
  const id = createHash('sha256').update(text).digest('hex')
  const before = tries.get(id) ?? 0
  const fault =
    broken !== undefined && text.includes(broken)
      ? '500'
      : before === 0
        ? faults[tries.size % (faults.length || 1)]
        : undefined
  tries.set(id, before + 1)
  if (fault !== undefined) {
    seen.faults[fault] = (seen.faults[fault] ?? 0) + 1
    if (await disturb(response, fault)) return
  }
  if (body.model !== model) return error(response, 404, `The model ${body.model} does not exist.`)
  const { tokens, words, images } = read(body)
  if (images.some((image) => !image.startsWith('data:image/')))
    return error(response, 400, 'cannot load image')
  if (tokens.length + (body.max_tokens ?? 16) > contextLength) {
    return error(
      response,
      400,
      `This model's maximum context length is ${contextLength} tokens, the prompt has ${tokens.length}.`,
    )
  }
  if (delay > 0) await wait(delay)
  if (movedTo !== undefined) return response.writeHead(307, { location: movedTo }).end()
  if (wholeBody !== undefined) return response.writeHead(200).end(wholeBody)
  if (unable !== undefined && body.prompt_logprobs !== undefined)
    return error(response, unable, 'prompt_logprobs is not supported.')
  const written = Math.min(2, body.max_tokens ?? 16)
  const said = words[hash(tokens.join(' ')) % words.length]
  const reply = {
    id: `chatcmpl-${id.slice(0, 8)}`,
    object: 'chat.completion',
    model: answersAs,
    choices: [
      choice ?? { index: 0, message: { role: 'assistant', content: ` ${said}` }, finish_reason: 'stop' },
    ],
    usage: {
      prompt_tokens: tokens.length,
      completion_tokens: written,
      total_tokens: tokens.length + written,
    },
    ...(scoring && body.prompt_logprobs !== undefined && { prompt_logprobs: logprobs(tokens) }),
  }
  if (fault === 'truncated') {
    seen.answered[id] ??= 0
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify(reply).slice(0, 60))
  }
  seen.answered[id] = (seen.answered[id] ?? 0) + 1
  return json(response, 200, reply)
}

/** @returns whether that was all */
async function disturb(response, fault) {
  const later = (seconds) => ({ 'retry-after': seconds })
  if (fault === '429') return error(response, 429, 'Rate limit reached.', later('0.05'))
  if (fault === '429-date')
    return error(response, 429, 'Rate limit reached.', later(new Date(Date.now() + 400).toUTCString()))
  if (fault === '503') return error(response, 503, 'Server is overloaded.')
  if (fault === '500') return error(response, 500, 'Internal Server Error')
  if (fault === 'reset') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    response.write('{"id": "chatcmpl-')
    await wait(5)
    response.socket.resetAndDestroy()
    return true
  }
  if (BODIES[fault] !== undefined) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(BODIES[fault])
    return true
  }
  if (fault === 'slow') await wait(slow)
  return false
}

/** The prompt as the model sees it: a token per word, 16 per image, and what a chat template writes. */
function read({ messages, add_generation_prompt: generate = true, continue_final_message: goOn = false }) {
  const tokens = []
  const images = []
  const words = ['red', 'blue']
  messages.forEach(({ role, content }, index) => {
    tokens.push('<|im_start|>', role, '\n')
    for (const part of typeof content === 'string' ? [{ type: 'text', text: content }] : content) {
      if (part.type === 'image_url') {
        images.push(part.image_url.url)
        tokens.push(
          ...new Array(16).fill(createHash('sha256').update(part.image_url.url).digest('hex').slice(0, 8)),
        )
      } else tokens.push(...part.text.split(/(?= )/))
    }
    if (role === 'assistant' && index < messages.length - (generate ? 0 : 1)) words.push(content.trim())
    if (!goOn || index < messages.length - 1) tokens.push('<|im_end|>', '\n')
  })
  if (generate) tokens.push('<|im_start|>', 'assistant', '\n')
  return { tokens, words, images }
}

/** log p of a token is a tenth of its length, negative. */
function logprobs(tokens) {
  return tokens.map((token, i) =>
    i === 0
      ? null
      : { [hash(token) % 100_000]: { logprob: -token.length / 10, rank: 1, decoded_token: token } },
  )
}

function hash(text) {
  return createHash('sha256').update(text).digest().readUInt32BE(0)
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function error(response, status, message, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ error: { message, type: 'error', code: status } }))
  return true
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

server.listen(port, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
