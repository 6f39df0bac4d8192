import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const RESULTS = fileURLToPath(new URL('../../docs/results.md', import.meta.url))

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Writes Markdown between `<!-- name -->` and `<!-- end of name -->` of docs/results.md. */
export async function writeBetween(name: string, text: string): Promise<void> {
  const before = await readFile(RESULTS, 'utf8')
  const marked = new RegExp(`(<!-- ${name} -->\\n)[^]*(<!-- end of ${name} -->)`)
  if (!marked.test(before))
    throw new Error(`docs/results.md has no <!-- ${name} --> ... <!-- end of ${name} -->`)
  await writeFile(
    RESULTS,
    before.replace(marked, (_, start: string, end: string) => `${start}\n${text}\n\n${end}`),
  )
}
