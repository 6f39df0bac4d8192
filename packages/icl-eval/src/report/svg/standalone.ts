import { DARK_VARIABLES, LIGHT_VARIABLES } from './palette.ts'

/** Rules that charts need, in a page and in a file of their own. */
export const CHART_STYLE: string =
  '.chart text{font:12.5px system-ui,sans-serif;fill:var(--muted)}' +
  '.chart .label{fill:var(--fg)}' +
  '.chart .grid{stroke:var(--line);stroke-width:1}' +
  '.chart .tick{stroke:var(--muted);stroke-width:1}' +
  '.chart .band{opacity:.13}' +
  '.chart .series:hover .band{opacity:.3}' +
  '.chart .bar{fill:var(--s0)}'

/** A chart of this folder as a file: with its colours for light and dark, and a background. '' stays ''. */
export function standaloneSvg(chart: string): string {
  if (chart === '') return ''
  const style =
    `<style>:root{${LIGHT_VARIABLES};background:var(--bg)}` +
    `@media (prefers-color-scheme:dark){:root{${DARK_VARIABLES}}}${CHART_STYLE}</style>`
  return `${chart.replace(/^(<svg[^>]*>)/, `$1${style}`)}\n`
}
