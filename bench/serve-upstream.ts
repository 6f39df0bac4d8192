import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { makeBundle, MODEL, openSplit, uriOf } from '../packages/server/test/support/world.ts'
import { startServing } from './support/lever-serve.ts'

/*
 * lever serve before a real OpenAI-compatible server: `transformers serve` of Python, with a Qwen2-VL of random
 * parameters (its answers mean nothing). LEVER_PYTHON is a Python with transformers[serving], torch and torchvision.
 * The same questions are asked through lever serve, streaming and not, and of the upstream itself with the messages that
 * `/v1/select` gives.
 */
const PORT = 18_000
const QUESTIONS = 6
/** By the name that every server knows. */
const LENGTH = { max_tokens: 12 }

interface Asked {
  readonly whole: string
  readonly streamed: string
  readonly chunks: number
  readonly ids: string | null
  readonly noted: string
}

export async function run(): Promise<unknown> {
  const python = process.env['LEVER_PYTHON']
  if (python === undefined) return 'set LEVER_PYTHON'
  const model = await mkdtemp(join(tmpdir(), 'lever-upstream-'))
  const upstream = spawn(
    python,
    [join(import.meta.dirname, 'peers/transformers_serve.py'), MODEL, model, String(PORT)],
    {
      env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const base = `http://127.0.0.1:${PORT}/v1`
  let served: { url: string; child: ChildProcess } | undefined
  try {
    await answering(`${base}/models`, upstream)
    const bundle = await makeBundle(Infinity)
    served = await startServing(['--bundle', bundle, '--upstream', base, '--log-level', 'warn'])
    const through = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: 'none', timeout: 300_000 })
    const direct = new OpenAI({ baseURL: base, apiKey: 'none', timeout: 300_000 })
    const { examples } = await openSplit('test', QUESTIONS)
    const found: (Asked & { direct: string; directStreamed: string })[] = []
    for (const example of examples) {
      const { question } = example
      const image = await uriOf(example)
      const asked = await askThrough(through, model, image, question)
      const select = await fetch(`${served.url}/v1/select`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image, question, messages: true }),
      })
      const { messages } = (await select.json()) as { messages: OpenAI.ChatCompletionMessageParam[] }
      const { choices } = await direct.chat.completions.create({ model, messages, ...LENGTH })
      const stream = await direct.chat.completions.create({
        model,
        messages,
        ...LENGTH,
        stream: true,
      })
      let directStreamed = ''
      for await (const chunk of stream) directStreamed += chunk.choices[0]?.delta.content ?? ''
      found.push({ ...asked, direct: choices[0]!.message.content ?? '', directStreamed })
    }
    return {
      questions: found.length,
      sameDirect: found.filter(({ whole, direct: alone }) => whole === alone).length,
      sameDirectStreamed: found.filter(({ streamed, directStreamed: alone }) => streamed === alone).length,
      // Its stream begins with the prompt of a model whose special tokens it does not know.
      streamEndsWithAnswer: found.filter(({ whole, streamed }) => streamed.endsWith(whole)).length,
      notedInStream: found.filter(({ ids, noted }) => ids === noted).length,
      differentAnswers: new Set(found.map(({ whole }) => whole)).size,
      chunks: found.map(({ chunks }) => chunks),
      unchanged: await unchanged(through, model),
    }
  } finally {
    served?.child.kill('SIGTERM')
    upstream.kill('SIGTERM')
  }
}

async function askThrough(client: OpenAI, model: string, url: string, text: string): Promise<Asked> {
  const content = [
    { type: 'image_url' as const, image_url: { url } },
    { type: 'text' as const, text },
  ]
  const messages = [{ role: 'user' as const, content }]
  const whole = await client.chat.completions.create({ model, messages, ...LENGTH })
  const { data, response } = await client.chat.completions
    .create({ model, messages, ...LENGTH, stream: true })
    .withResponse()
  let [streamed, chunks, noted] = ['', 0, '']
  for await (const chunk of data) {
    chunks += 1
    streamed += chunk.choices[0]?.delta.content ?? ''
    const { lever } = chunk as { lever?: { demonstrations: { id: number }[] } }
    if (lever !== undefined) noted += lever.demonstrations.map(({ id }) => id).join(',')
  }
  const ids = response.headers.get('lever-demonstrations')
  return { whole: whole.choices[0]!.message.content ?? '', streamed, chunks, ids, noted }
}

/** A question without an image: why nothing was put before it. */
async function unchanged(client: OpenAI, model: string): Promise<string | null> {
  const messages = [{ role: 'user' as const, content: 'hello' }]
  const { response } = await client.chat.completions.create({ model, messages, ...LENGTH }).withResponse()
  return response.headers.get('lever-unchanged')
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 1_200; tries++) {
    if (child.exitCode !== null) break
    if (
      await fetch(url).then(
        (response) => response.ok,
        () => false,
      )
    )
      return
    await sleep(500)
  }
  throw new Error('transformers serve did not begin to listen')
}
