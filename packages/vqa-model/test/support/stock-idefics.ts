import {
  AutoModelForImageTextToText,
  AutoProcessor,
  log_softmax,
  RawImage,
  type Tensor,
} from '@huggingface/transformers'
import { chatMessages, getTemplate, type VqaPrompt } from '../../src/index.ts'
import type { StockModel } from './stock.ts'

type Loose = (input: unknown) => Promise<{ logits: Tensor }>
type Call = (text: string, images: RawImage[]) => Promise<{ input_ids: Tensor; attention_mask: Tensor }>

/** Idefics3 and SmolVLM as transformers.js runs them: its own processor on all images of a prompt at once. */
export async function openStockIdefics(folder: string, templateName = 'lever-plus'): Promise<StockModel> {
  const local = { local_files_only: true }
  const model = await AutoModelForImageTextToText.from_pretrained(folder, {
    ...local,
    session_options: { intraOpNumThreads: 1 },
  })
  const processor = await AutoProcessor.from_pretrained(folder, local)
  const tokenizer = processor.tokenizer!
  const template = getTemplate(templateName)
  const endTokens = [(model.generation_config as { eos_token_id: number[] | number }).eos_token_id].flat()

  async function inputsOf({ demonstrations, query }: VqaPrompt, ending = ''): ReturnType<Call> {
    const units = [...demonstrations, query]
    const messages = chatMessages(template, {
      questions: units.map(({ question }) => question),
      answers: demonstrations.map(({ answer }) => answer),
    })
    const text = tokenizer.apply_chat_template(messages as never, {
      tokenize: false,
      add_generation_prompt: true,
    })
    const images = await Promise.all(units.map(({ image }) => RawImage.read(image)))
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
