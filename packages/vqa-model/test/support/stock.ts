import {
  AutoModelForImageTextToText,
  AutoProcessor,
  cat,
  log_softmax,
  Tensor,
} from '@huggingface/transformers'
import { readFileSync } from 'node:fs'
import { chatMessages, getTemplate, type PromptWithImages } from '../../src/index.ts'
import { prepareGrid, readGridRules } from '../../src/pixels/grid.ts'
import type { ProcessorConfig } from '../../src/pixels/processor-config.ts'
import { readImage } from '../../src/pixels/read-image.ts'

interface Inputs {
  input_ids: Tensor
  attention_mask: Tensor
  pixel_values: Tensor
  image_grid_thw: Tensor
}

type ProcessedImage = Pick<Inputs, 'pixel_values' | 'image_grid_thw'>

export interface StockModel {
  /** processes the images of a prompt; they are kept */
  prepare(prompt: PromptWithImages): Promise<void>
  /** forgets processed images, so that the next prompt reads and processes its own */
  forget(): void
  /** new tokens of plain `generate()`, up to the first end token */
  generate(prompt: PromptWithImages, maxNewTokens?: number): Promise<number[]>
  /** log-probability of an answer and the end token, from one forward pass over everything */
  score(prompt: PromptWithImages, answer: string): Promise<number>
  /** logits after a prompt and some tokens of its answer, from one forward pass over everything */
  logitsAfter?(prompt: PromptWithImages, tokens: readonly number[]): Promise<Float32Array>
  decode(tokens: readonly number[]): string
  close(): Promise<void>
}

/** The configuration of a folder's image processor. */
export function preprocessorOf(folder: string): ProcessorConfig {
  const file = `${folder}/preprocessor_config.json`
  return { file, values: JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> }
}

type Loose = (input: unknown) => Promise<{ logits: Tensor }>

/**
 * The model as transformers.js runs it, one prompt at a time, with our pixels (which are compared with Python's): its own
 * are not those of the Python processors, and its Qwen processor cannot take several images.
 */
export async function openStockModel(
  folder: string,
  templateName = 'shapes',
  device = 'cpu',
): Promise<StockModel> {
  const local = { local_files_only: true }
  const model = await AutoModelForImageTextToText.from_pretrained(folder, {
    ...local,
    device: device.split(':')[0] as 'cpu',
    session_options: { intraOpNumThreads: 1 },
  })
  const processor = await AutoProcessor.from_pretrained(folder, local)
  const { tokenizer } = processor
  const rules = readGridRules(preprocessorOf(folder))
  const template = getTemplate(templateName)
  const imageToken = '<|image_pad|>'
  const endTokens = [(model.generation_config as { eos_token_id: number[] }).eos_token_id].flat()

  const images = new Map<string, Promise<ProcessedImage>>()
  function processImage(path: string): Promise<ProcessedImage> {
    const known =
      images.get(path) ??
      readImage(path).then((image): ProcessedImage => {
        const { data, gridH, gridW } = prepareGrid(image, rules)
        const rows = gridH * gridW
        return {
          pixel_values: new Tensor('float32', data, [rows, data.length / rows]),
          image_grid_thw: new Tensor('int64', BigInt64Array.of(1n, BigInt(gridH), BigInt(gridW)), [1, 3]),
        }
      })
    images.set(path, known)
    return known
  }

  async function inputsOf({ demonstrations, query }: PromptWithImages, ending = ''): Promise<Inputs> {
    const questions = [...demonstrations, query].map(({ question }) => question)
    const messages = chatMessages(template, {
      questions,
      answers: demonstrations.map(({ answer }) => answer),
    })
    const processed = await Promise.all([...demonstrations, query].map(({ image }) => processImage(image)))
    const pieces = (
      tokenizer!.apply_chat_template(messages as never, { tokenize: false, add_generation_prompt: true }) +
      ending
    ).split(imageToken)
    const text = pieces.reduce((sum, piece, i) => {
      const [t, h, w] = processed[i - 1]!.image_grid_thw.tolist()[0] as bigint[]
      return sum + imageToken.repeat(Number((t! * h! * w!) / 4n)) + piece
    })
    return {
      ...(tokenizer!(text) as { input_ids: Tensor; attention_mask: Tensor }),
      pixel_values: cat(processed.map(({ pixel_values }) => pixel_values)),
      image_grid_thw: cat(processed.map(({ image_grid_thw }) => image_grid_thw)),
    }
  }

  return {
    async prepare({ demonstrations, query }) {
      await Promise.all([...demonstrations, query].map(({ image }) => processImage(image)))
    },
    forget: () => images.clear(),
    async generate(prompt, maxNewTokens = 5) {
      const inputs = await inputsOf(prompt)
      const out = (await model.generate({
        ...inputs,
        max_new_tokens: maxNewTokens,
        do_sample: false,
        repetition_penalty: 1,
      })) as Tensor
      const tokens = (out.tolist()[0] as bigint[]).slice(inputs.input_ids.dims[1]).map(Number)
      const end = tokens.findIndex((token) => endTokens.includes(token))
      return end < 0 ? tokens : tokens.slice(0, end)
    },
    async score(prompt, answer) {
      const inputs = await inputsOf(prompt, `${answer}${tokenizer!.decode([endTokens[0]!])}`)
      const ids = (inputs.input_ids.tolist()[0] as bigint[]).map(Number)
      const start = (await inputsOf(prompt)).input_ids.dims[1]!
      const prepare = model as unknown as { get_rope_index(...args: unknown[]): [Tensor] }
      const [position_ids] = prepare.get_rope_index(
        inputs.input_ids,
        inputs.image_grid_thw,
        null,
        inputs.attention_mask,
      )
      const { logits } = await (model as unknown as { forward: Loose }).forward({ ...inputs, position_ids })
      const rows = logits.tolist()[0] as number[][]
      let sum = 0
      for (let at = start; at < ids.length; at++) sum += log_softmax(rows[at - 1]!)[ids[at]!]!
      return sum
    },
    async logitsAfter(prompt, tokens) {
      const inputs = await inputsOf(prompt)
      const ids = [...(inputs.input_ids.tolist()[0] as bigint[]), ...tokens.map(BigInt)]
      const input_ids = new Tensor('int64', BigInt64Array.from(ids), [1, ids.length])
      const attention_mask = new Tensor('int64', new BigInt64Array(ids.length).fill(1n), [1, ids.length])
      const prepare = model as unknown as { get_rope_index(...args: unknown[]): [Tensor] }
      const [prompted] = prepare.get_rope_index(
        inputs.input_ids,
        inputs.image_grid_thw,
        null,
        inputs.attention_mask,
      )
      const axes = (prompted.tolist() as bigint[][][]).map(([row]) => row!)
      const next = axes.flat().reduce((most, position) => (position > most ? position : most)) + 1n
      const positions = axes.flatMap((row) => [...row, ...tokens.map((_, i) => next + BigInt(i))])
      const position_ids = new Tensor('int64', BigInt64Array.from(positions), [3, 1, ids.length])
      const all = { ...inputs, input_ids, attention_mask, position_ids }
      const { logits } = await (model as unknown as { forward: Loose }).forward(all)
      const size = logits.dims[2]!
      return (logits.data as Float32Array).slice(-size)
    },
    decode: (tokens) =>
      tokens.length === 0 ? '' : tokenizer!.decode([...tokens], { skip_special_tokens: true }),
    async close() {
      await model.dispose()
    },
  }
}
