/**
 * Texts that chat models have as special tokens. A server encodes them as such wherever they stand, so a question that
 * holds one could end its turn or begin another; which of them a model has, only its tokenizer knows.
 */
const SPECIAL_TEXTS: readonly RegExp[] = [
  /<\|[^<>|\s]{1,64}\|>/i,
  /<\/?s>|<(?:bos|eos|pad|unk|image|video|audio|image_soft_token|fake_token_around_image)>/i,
  /<(?:start|end)_of_(?:turn|utterance|image|text)>/i,
  /\[\/?(?:INST|IMG|IMG_END|IMG_BREAK|SYSTEM_PROMPT)\]/,
  /<\uff5c[^<>\uff5c\s]{1,64}\uff5c>/,
]

/** @returns the first text in it that may be a special token of the model at a server */
export function specialTextIn(text: string): string | undefined {
  const spellings = [text, text.normalize('NFKC')]
  for (const pattern of SPECIAL_TEXTS) {
    for (const spelling of spellings) {
      const found = pattern.exec(spelling)
      if (found !== null) return found[0]
    }
  }
  return undefined
}
