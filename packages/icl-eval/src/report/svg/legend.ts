import { escapeHtml } from '../html.ts'
import { marker, round, seriesColour, seriesDash } from './palette.ts'

const LINE = 20
const LETTER = 7.2
const SAMPLE = 30

/** A key of lines and names, wrapped to `width`, and the height that it takes. Names are cut at 40 letters. */
export function legend(
  entries: readonly { readonly name: string; readonly look: number }[],
  place: { readonly left: number; readonly top: number; readonly width: number },
): { readonly svg: string; readonly height: number } {
  if (entries.length < 2) return { svg: '', height: 0 }
  let [x, line] = [0, 0]
  const items = entries.map(({ name, look }) => {
    const text = name.length > 40 ? `${name.slice(0, 39)}…` : name
    const width = SAMPLE + text.length * LETTER + 14
    if (x > 0 && x + width > place.width) [x, line] = [0, line + 1]
    const [left, middle] = [place.left + x, place.top + line * LINE + 8]
    x += width
    return (
      `<line x1="${round(left)}" x2="${round(left + 22)}" y1="${middle}" y2="${middle}" ` +
      `stroke="${seriesColour(look)}" stroke-width="2" stroke-dasharray="${seriesDash(look)}"/>` +
      marker(look, left + 11, middle) +
      `<text x="${round(left + SAMPLE - 3)}" y="${middle + 4}">${escapeHtml(text)}</text>`
    )
  })
  return { svg: items.join(''), height: (line + 1) * LINE + 10 }
}

/** The sample of one series, for a legend in HTML. */
export function legendSample(index: number): string {
  return (
    '<svg class="sample" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true">' +
    `<line x1="1" x2="25" y1="6" y2="6" stroke="${seriesColour(index)}" stroke-width="2" ` +
    `stroke-dasharray="${seriesDash(index)}"/>${marker(index, 13, 6)}</svg>`
  )
}
