import { readFileSync } from 'node:fs'

/** The bundle of `page/main.ts`, which the build writes; the same path from `src` and from `dist`. */
const PAGE_SCRIPT = new URL('../../dist/page/page.js', import.meta.url)

/** The script of the page: sorting, switches of the plot, theme, the browser of examples. */
export function readPageScript(): string {
  return readFileSync(PAGE_SCRIPT, 'utf8')
}
