import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { ChatMessage } from '../prompt/messages.ts'
import { readJson } from './folder.ts'
import { loadTransformers } from './transformers.ts'

/** The model's own tokenizer and chat template. Encodings and decodings are remembered. */
export interface TextCodec {
  readonly specialTokens: readonly string[]
  /**
   * Ids of the special tokens, but not of that for unknown words, which harmless texts become too. A tokenizer that
   * normalizes texts finds special tokens in other spellings as well.
   */
  readonly specialIds: ReadonlySet<number>
  readonly vocabularySize: number
  /** Token ids of a text; nothing is added at its ends. */
  encode: (text: string) => Int32Array
  /** Text of token ids, special tokens left out. */
  decode: (ids: readonly number[]) => string
  tokenText: (id: number) => string
  /** What the tokenizer puts before a text of its own accord, such as `<s>`; '' for nothing. */
  readonly startText: string
  /** Chat template, generation prompt added. */
  render: (messages: readonly ChatMessage[]) => string
  /** the file that holds the chat template where tokenizer_config.json has none */
  readonly templateFile: string | undefined
}

const MAX_REMEMBERED_TEXTS = 50_000

/**
 * @param plainContent give the chat template texts in place of lists of texts and images
 * @throws InputError if the tokenizer's files are missing or unusable
 */
export async function loadTextCodec(folder: string, plainContent = false): Promise<TextCodec> {
  const { AutoTokenizer } = await loadTransformers()
  const tokenizer = await AutoTokenizer.from_pretrained(folder, { local_files_only: true }).catch(
    (cause: unknown) => {
      throw new InputError(`vqa-model: cannot load the tokenizer of ${folder}: ${(cause as Error).message}`, {
        cause,
      })
    },
  )
  const { templateFile, chatTemplate } =
    tokenizer.chat_template == null
      ? await readChatTemplate(folder)
      : { templateFile: undefined, chatTemplate: undefined }
  const encoded = new Map<string, Int32Array>()
  const decoded = new Map<string, string>()
  return {
    templateFile,
    startText: startOf(tokenizer),
    specialTokens: tokenizer.all_special_tokens,
    specialIds: new Set(tokenizer.all_special_ids.filter((id) => id !== tokenizer.unk_token_id)),
    vocabularySize: tokenizer.get_vocab().size,
    encode(text) {
      const known = encoded.get(text)
      if (known !== undefined) return known
      const ids = Int32Array.from(tokenizer.encode(text, { add_special_tokens: false }))
      if (encoded.size >= MAX_REMEMBERED_TEXTS) encoded.clear()
      encoded.set(text, ids)
      return ids
    },
    decode(ids) {
      if (ids.length === 0) return ''
      const key = ids.join()
      const known = decoded.get(key)
      if (known !== undefined) return known
      const text = tokenizer.decode([...ids], { skip_special_tokens: true })
      if (decoded.size >= MAX_REMEMBERED_TEXTS) decoded.clear()
      decoded.set(key, text)
      return text
    },
    tokenText: (id) => tokenizer.decode([id], { skip_special_tokens: false }),
    render(messages) {
      try {
        const chat = plainContent ? messages.map(asText) : messages
        return tokenizer.apply_chat_template(chat as never, {
          add_generation_prompt: true,
          tokenize: false,
          ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
        })
      } catch (cause) {
        throw new InputError(`vqa-model: the chat template of ${folder} fails: ${(cause as Error).message}`, {
          cause,
        })
      }
    },
  }
}

function asText({ role, content }: ChatMessage): { role: string; content: string } {
  return { role, content: content.map((part) => (part.type === 'text' ? part.text : '')).join('\n') }
}

interface Encoder {
  encode(text: string, options: { add_special_tokens: boolean }): number[]
  decode(ids: number[], options: { skip_special_tokens: boolean }): string
}

function startOf(tokenizer: Encoder): string {
  const [bare, whole] = [false, true].map((add) => tokenizer.encode('a', { add_special_tokens: add }))
  const at = whole!.findIndex((id) => id === bare![0])
  return at <= 0 ? '' : tokenizer.decode(whole!.slice(0, at), { skip_special_tokens: false })
}

/** The tokens of a text as it stands before another one, of which a tokenizer may make them depend. */
export function encodeBefore({ encode }: Pick<TextCodec, 'encode'>, text: string, next: string): Int32Array {
  if (next === '') return encode(text)
  const both = encode(text + next)
  const tail = encode(next)
  const end = both.length - tail.length
  return end >= 0 && tail.every((id, i) => both[end + i] === id) ? both.subarray(0, end) : encode(text)
}

/** The chat template of a folder that keeps it in a file of its own. */
async function readChatTemplate(folder: string): Promise<{ templateFile?: string; chatTemplate?: string }> {
  const jinja = await readFile(join(folder, 'chat_template.jinja'), 'utf8').catch(() => undefined)
  if (jinja !== undefined) return { templateFile: 'chat_template.jinja', chatTemplate: jinja }
  const text = await readFile(join(folder, 'chat_template.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return {}
  const { chat_template } = (await readJson(folder, 'chat_template.json')) as { chat_template?: unknown }
  return typeof chat_template === 'string'
    ? { templateFile: 'chat_template.json', chatTemplate: chat_template }
    : {}
}
