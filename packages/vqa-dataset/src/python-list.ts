const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/**
 * The strings of a Python list as `repr` writes it, `['a', "it's"]`: the Hub's A-OKVQA keeps its answers so.
 * Undefined when the text is no such list.
 */
export function parsePythonList(text: string): string[] | undefined {
  const inside = /^\s*\[([\s\S]*)\]\s*$/.exec(text)?.[1]
  if (inside === undefined) return undefined
  const found: string[] = []
  const item = /\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)")\s*(,|$)/y
  while (item.lastIndex < inside.length) {
    const at = item.lastIndex
    const match = item.exec(inside)
    if (match === null) return inside.slice(at).trim() === '' ? found : undefined
    found.push(unescape(match[1] ?? match[2] ?? ''))
  }
  return found
}

function unescape(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|([\s\S]))/g,
    (whole, x?: string, u?: string, long?: string, other?: string) => {
      const code = x ?? u ?? long
      return code === undefined ? (ESCAPES[other!] ?? whole) : String.fromCodePoint(parseInt(code, 16))
    },
  )
}
