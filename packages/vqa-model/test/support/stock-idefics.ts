import { AutoModelForImageTextToText, AutoProcessor, log_softmax, Tensor } from '@huggingface/transformers'
import { chatMessages, getTemplate, type PromptWithImages } from '../../src/index.ts'
import { readImage } from '../../src/pixels/read-image.ts'
import { prepareTiles, readTileRules } from '../../src/pixels/tile-rules.ts'
import { preprocessorOf, type StockModel } from './stock.ts'

type Loose = (input: unknown) => Promise<{ logits: Tensor }>
type Call = (
  text: string,
  images: readonly string[],
) => Promise<{ input_ids: Tensor; attention_mask: Tensor }>

/** Tiles of the image files of a prompt, as the processor of transformers.js gives them for a batch of one. */
function tileProcessor(folder: string): (paths: readonly string[]) => Promise<object> {
  const rules = readTileRules(preprocessorOf(folder))
  return async (paths) => {
    const images = await Promise.all(paths.map(async (path) => prepareTiles(await readImage(path), rules)))
    const count = images.reduce((sum, image) => sum + image.count, 0)
    const data = new Float32Array(images.reduce((sum, image) => sum + image.data.length, 0))
    let at = 0
    for (const image of images) {
      data.set(image.data, at)
      at += image.data.length
    }
    const dims = [1, count, 3, rules.tile, rules.tile]
    const mask = new Uint8Array(count * rules.tile ** 2).fill(1)
    return {
      pixel_values: new Tensor('float32', data, dims),
      pixel_attention_mask: new Tensor('bool', mask, [1, count, rules.tile, rules.tile]),
      rows: [images.map(({ grid }) => grid.height)],
      cols: [images.map(({ grid }) => grid.width)],
    }
  }
}

/** Idefics3 and SmolVLM as transformers.js runs them, all images of a prompt at once, with our pixels. */
export async function openStockIdefics(folder: string, templateName = 'lever-plus'): Promise<StockModel> {
  const local = { local_files_only: true }
  const model = await AutoModelForImageTextToText.from_pretrained(folder, {
    ...local,
    session_options: { intraOpNumThreads: 1 },
  })
  const processor = await AutoProcessor.from_pretrained(folder, local)
  const tokenizer = processor.tokenizer!
  const { components } = processor as unknown as { components: Record<string, unknown> }
  components['image_processor'] = tileProcessor(folder)
  const template = getTemplate(templateName)
  const endTokens = [(model.generation_config as { eos_token_id: number[] | number }).eos_token_id].flat()

  async function inputsOf({ demonstrations, query }: PromptWithImages, ending = ''): ReturnType<Call> {
    const units = [...demonstrations, query]
    const messages = chatMessages(template, {
      questions: units.map(({ question }) => question),
      answers: demonstrations.map(({ answer }) => answer),
    })
    const text = tokenizer.apply_chat_template(messages as never, {
      tokenize: false,
      add_generation_prompt: true,
    })
    const images = units.map(({ image }) => image)
    return (processor as unknown as Call)(`${text}${ending}`, images)
  }

  return {
    prepare: () => Promise.resolve(),
    forget: () => undefined,
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
      const end = tokenizer.decode([endTokens[0]!])
      const inputs = await inputsOf(prompt, `${answer === '' ? '' : ` ${answer}`}${end}`)
      const ids = (inputs.input_ids.tolist()[0] as bigint[]).map(Number)
      const start = (await inputsOf(prompt)).input_ids.dims[1]!
      const { logits } = await (model as unknown as { forward: Loose }).forward(inputs)
      const rows = logits.tolist()[0] as number[][]
      let sum = 0
      for (let at = start; at < ids.length; at++) sum += log_softmax(rows[at - 1]!)[ids[at]!]!
      return sum
    },
    decode: (tokens) =>
      tokens.length === 0 ? '' : tokenizer.decode([...tokens], { skip_special_tokens: true }),
    async close() {
      await model.dispose()
    },
  }
}
