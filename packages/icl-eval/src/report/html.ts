/** Control characters but tab and line feed: a terminal or an editor may obey them. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

const codeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Text as HTML text or attribute value; control characters as their codes. */
export function escapeHtml(text: string): string {
  return text
    .replace(CONTROL, codeOf)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** A value as JSON that may stand inside a script element. */
export function embedJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(CONTROL, codeOf)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029')
}

/** A section with a heading and an id to link to; nothing when the body is empty. */
export function section(id: string, heading: string, body: string): string {
  if (body === '') return ''
  return `<section id="${id}" aria-labelledby="${id}-h">\n<h2 id="${id}-h">${escapeHtml(heading)}</h2>\n${body}\n</section>\n`
}

export interface Cell {
  readonly text: string
  /** A number to sort by; without it the text sorts. */
  readonly value?: number | null
  /** Smaller text after the figure, such as an interval. */
  readonly note?: string
  /** Shown in a weaker colour. */
  readonly quiet?: boolean
}

export interface HtmlTable {
  readonly caption: string
  readonly header: readonly string[]
  /** Each row begins with its header cell. */
  readonly rows: readonly (readonly Cell[])[]
}

/** Tables with more columns are printed with upright headings. */
const MANY_COLUMNS = 10

/** Names of rows with more letters may take several lines; `pointer-listwise` stays whole. */
const MANY_LETTERS = 16

/** A table that can be sorted by every column and scrolls inside its own box on narrow screens. Captions are unique. */
export function sortableTable({ caption, header, rows }: HtmlTable): string {
  const id = `t-${slug(caption)}`
  const heads = header.map(
    (text) =>
      `<th scope="col"><button type="button" class="sort">${escapeHtml(unbroken(text))}</button></th>`,
  )
  const body = rows.map((row) => `<tr>${row.map((cell, i) => cellHtml(cell, i === 0)).join('')}</tr>`)
  return (
    `<p class="caption" id="${id}">${escapeHtml(caption)}</p>\n` +
    `<div class="wider"><div class="scroll" role="region" tabindex="0" aria-labelledby="${id}">\n` +
    `<table class="sortable${header.length > MANY_COLUMNS ? ' many' : ''}" aria-labelledby="${id}">\n` +
    `<thead><tr>${heads.join('')}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody></table></div></div>`
  )
}

/** `2 shots` stays on one line. */
const unbroken = (text: string): string => text.replace(/(\d) (?=shots?\b)/g, '$1\u00a0')

/** Figures with a minus sign in place of a hyphen. */
export const withMinus = (text: string): string => text.replace(/(?<![\p{L}\p{N}-])-(?=\d)/gu, '\u2212')

/** Text as part of an id or a file name: letters and digits in lower case with single dashes. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
}

function cellHtml({ text, value, note, quiet = false }: Cell, header: boolean): string {
  const sort = value === undefined || value === null ? '' : ` data-value="${value}"`
  const figure = (own: string): string => escapeHtml(header ? own : withMinus(own))
  const small = note === undefined ? '' : ` <small>${figure(note)}</small>`
  const inner = `${figure(text)}${small}`
  const long = text.length > MANY_LETTERS ? ' class="long"' : ''
  const weak = quiet ? ' class="quiet"' : ''
  return header ? `<th scope="row"${sort}${long}>${inner}</th>` : `<td${sort}${weak}>${inner}</td>`
}
