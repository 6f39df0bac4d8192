import { readFile } from 'node:fs/promises'
import type { Route } from '../http/route.ts'
import { pageHtml } from '../html/page.ts'
import { pageStyle } from '../html/style.ts'

/** Scripts, styles and requests of this server alone; images that the script holds. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The bundle of `page/main.ts`, which the build writes; the same path from `src` and from `dist`. */
const SCRIPT = new URL('../../dist/page/page.js', import.meta.url)

/** The page to try it, and its two files. */
export function pageRoutes(): Route[] {
  return [
    file('/', 'The page to try it', 'text/html', pageHtml),
    file('/page.css', 'Its style', 'text/css', pageStyle),
    file('/page.js', 'Its script', 'text/javascript', () => readFile(SCRIPT)),
  ]
}

function file(path: string, summary: string, type: string, read: () => string | Promise<Buffer>): Route {
  return {
    method: 'GET',
    path,
    summary,
    access: 'open',
    responses: { 200: { description: summary, type } },
    handler: async (_request, reply) =>
      reply
        .header('content-type', `${type}; charset=utf-8`)
        .header('content-security-policy', POLICY)
        .header('cache-control', 'no-cache')
        .send(await read()),
  }
}
