export type TokenizerKind = 'words' | 'bytes'

const SPECIAL = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|image_pad|>',
  '<|video_pad|>',
]

const IDEFICS_SPECIAL = [
  '<|endoftext|>',
  '<|im_start|>',
  '<end_of_utterance>',
  '<fake_token_around_image>',
  '<image>',
  '<global-img>',
  ...[1, 2, 3, 4].flatMap((row) => [1, 2, 3, 4].map((column) => `<row_${row}_col_${column}>`)),
]

/** As in SmolVLM: no space after the role where an image follows, none at the end of a prompt. */
const IDEFICS_CHAT_TEMPLATE =
  "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}" +
  "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}" +
  "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}" +
  "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"

const WORDS = (
  'user assistant system ? . , : Question Short answer what color shape is this it the team of name food does eat a ' +
  'red blue green yellow circle square star heart zap mip lok tib soda cake You are helpful'
).split(' ')

const CHAT_TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n" +
  "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for content in message['content'] %}" +
  "{% if content['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>" +
  "{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/** Tokenizer files of the Hub's layout: a word-level one, or a byte-level BPE without merges. */
export function tokenizerFiles(
  kind: TokenizerKind,
  family: 'qwen' | 'idefics' = 'qwen',
): {
  files: Record<string, unknown>
  vocab: number
  ids: Map<string, number>
} {
  const qwen = family === 'qwen'
  const special = qwen ? SPECIAL : IDEFICS_SPECIAL
  const words = qwen ? WORDS : [...WORDS, 'User', 'Assistant', 'System']
  const plain = kind === 'words' ? ['<unk>', ...words] : [...byteCharacters()]
  const ids = new Map([...special, ...plain].map((token, id) => [token, id]))
  const model =
    kind === 'words'
      ? { type: 'WordLevel', vocab: Object.fromEntries(ids), unk_token: '<unk>' }
      : { type: 'BPE', vocab: Object.fromEntries(ids), merges: [], byte_fallback: false, unk_token: null }
  const preTokenizer =
    kind === 'words'
      ? { type: 'Whitespace' }
      : {
          type: 'Sequence',
          pretokenizers: [
            { type: 'Split', pattern: { Regex: QWEN_SPLIT }, behavior: 'Isolated', invert: false },
            { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
          ],
        }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  return {
    vocab: ids.size,
    ids,
    files: {
      'tokenizer.json': {
        version: '1.0',
        truncation: null,
        padding: null,
        added_tokens: special.map((content, id) => ({
          id,
          content,
          single_word: false,
          lstrip: false,
          rstrip: false,
          normalized: false,
          special: true,
        })),
        normalizer: null,
        pre_tokenizer: preTokenizer,
        post_processor: null,
        decoder: kind === 'words' ? null : byteLevel,
        model,
      },
      'tokenizer_config.json': {
        tokenizer_class: qwen ? 'Qwen2Tokenizer' : 'GPT2Tokenizer',
        eos_token: qwen ? '<|im_end|>' : '<end_of_utterance>',
        pad_token: '<|endoftext|>',
        ...(kind === 'words' ? { unk_token: '<unk>' } : {}),
        padding_side: 'left',
        clean_up_tokenization_spaces: false,
        chat_template: qwen ? CHAT_TEMPLATE : IDEFICS_CHAT_TEMPLATE,
      },
    },
  }
}

function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
}
