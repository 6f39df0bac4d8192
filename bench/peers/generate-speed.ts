import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '@lever/reward-utils'
import { readDataset } from '@lever/vqa-dataset'
import { chatMessages, getTemplate, openVqaModel, parseDtypes } from '@lever/vqa-model'
import type { Device, PromptWithImages, TemplateName } from '@lever/vqa-model'
import { openPyTorch } from './pytorch.ts'

/**
 * Answers a second of a model here and by `generate()` of transformers in PyTorch, on the same device, the same prompts:
 * queries of the bundled world with random pairs of demonstrations from a pool.
 *
 *     npx tsx bench/peers/generate-speed.ts ONNX_FOLDER TORCH_FOLDER --device cuda --dtype fp16
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string', default: 'cpu' },
    dtype: { type: 'string', default: 'fp32' },
    queries: { type: 'string', default: '2' },
    pairs: { type: 'string', default: '24' },
    batches: { type: 'string', default: '1,8' },
    'max-pixels': { type: 'string' },
    template: { type: 'string', default: 'lever-plus' },
  },
})
const [onnx, torch] = positionals
if (torch === undefined || onnx === undefined) {
  throw new Error('usage: npx tsx bench/peers/generate-speed.ts ONNX_FOLDER TORCH_FOLDER [--device cuda]')
}
const NEW_TOKENS = 5
const POOL = 64

async function makePrompts(): Promise<PromptWithImages[]> {
  const world = fileURLToPath(new URL('../../fixtures/shapes-vqa/world', import.meta.url))
  const { examples } = await readDataset({
    questions: join(world, 'train/questions.json'),
    annotations: join(world, 'train/annotations.json'),
    images: join(world, 'images'),
  })
  const shown = examples.map(({ id, image, question, answer }) => ({ id, image: image!, question, answer }))
  const random = createRandom(1)
  return Array.from(
    { length: Number(values.queries) },
    () => shown[POOL + random.int(shown.length - POOL)]!,
  ).flatMap(({ id, image, question }) =>
    Array.from({ length: Number(values.pairs) }, () => ({
      demonstrations: [shown[random.int(POOL)]!, shown[random.int(POOL)]!],
      query: { id, image, question },
    })),
  )
}

interface Spent {
  wall: number
  cpu: number
  texts: string[]
  gib: number
}

async function ours(prompts: readonly PromptWithImages[]): Promise<Spent> {
  const model = await openVqaModel({
    backend: 'onnx',
    model: onnx!,
    ...{ device: values.device as Device, template: values.template as TemplateName },
    dtype: parseDtypes(values.dtype),
    ...{ threads: 1, maxNewTokens: NEW_TOKENS, postprocess: 'trim' },
    ...(values['max-pixels'] !== undefined && { pixels: { max: Number(values['max-pixels']) } }),
  })
  await model.answer(prompts.slice(0, 1))
  const [start, used] = [performance.now(), process.cpuUsage()]
  const answers = await model.answer(prompts)
  const { user, system } = process.cpuUsage(used)
  const wall = (performance.now() - start) / 1000
  await model.close()
  return { wall, cpu: (user + system) / 1e6, texts: answers.map(({ raw = '' }) => raw), gib: 0 }
}

function report(who: string, { wall, cpu, texts, gib }: Spent, wanted: readonly string[]): void {
  const equal = texts.filter((text, i) => text.trim() === wanted[i]!.trim()).length
  const memory = gib === 0 ? '' : `, ${gib.toFixed(1)} GiB of the GPU`
  console.log(
    `${who}: ${texts.length} answers in ${wall.toFixed(2)} s, ${(texts.length / wall).toFixed(1)} a second` +
      ` (${(texts.length / cpu).toFixed(1)} a second of processor time${memory}); ${equal} equal ours`,
  )
}

const prompts = await makePrompts()
const mine = await ours(prompts)
report(`lever, ${values.dtype} on ${values.device}`, mine, mine.texts)
const peer = await openPyTorch('generate_speed.py', 1)
if (typeof peer === 'string') throw new Error(`bench: ${peer}`)
const dtype = values.dtype.includes('16') ? 'float16' : 'float32'
const maxPixels = values['max-pixels'] === undefined ? null : Number(values['max-pixels'])
await peer.ask({ do: 'open', model: torch, device: values.device, dtype, maxPixels })
const template = getTemplate(values.template)
const cases = prompts.map(({ demonstrations, query }) => ({
  messages: chatMessages(template, {
    questions: [...demonstrations, query].map(({ question }) => question),
    answers: demonstrations.map(({ answer }) => answer),
  }),
  images: [...demonstrations, query].map(({ image }) => image),
}))
for (const batch of values.batches.split(',').map(Number)) {
  const theirs = await peer.ask<Spent>({ do: 'run', cases, batch, newTokens: NEW_TOKENS })
  report(`transformers ${dtype}, batches of ${batch}`, theirs, mine.texts)
}
await peer.close()
