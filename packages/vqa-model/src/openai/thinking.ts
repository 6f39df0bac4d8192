/** How models mark their reasoning, as [opening, closing]. */
const MARKS: readonly (readonly [opening: string, closing: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
]

/**
 * The answer behind the reasoning at the start of a text. Chat templates that open the reasoning themselves leave
 * only its closing mark in the text.
 *
 * @returns undefined when the reasoning does not end
 */
export function afterThinking(text: string): string | undefined {
  for (const [opening, closing] of MARKS) {
    const opens = text.trimStart().startsWith(opening)
    const end = text.indexOf(closing)
    if (end >= 0) return afterThinking(text.slice(end + closing.length).trimStart())
    if (opens) return undefined
  }
  return text
}
