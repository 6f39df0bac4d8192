import { count } from '../../render/tables.ts'
import { embedJson, escapeHtml, section } from '../html.ts'
import type { ReportInput } from '../types.ts'

/** The examples browser; the page's script fills it from the embedded JSON. */
export function examplesSection({ runs }: ReportInput): string {
  const data = runs.flatMap(({ name, examples }) => (examples === undefined ? [] : [{ name, ...examples }]))
  if (data.length === 0) return ''
  const option = (value: string, text: string): string =>
    `<option value="${escapeHtml(value)}">${escapeHtml(text)}</option>`
  const run =
    data.length > 1
      ? `<label>Run <select data-filter="run">${data.map(({ name }, i) => option(String(i), name)).join('')}</select></label>`
      : ''
  const body =
    `<p>What each selector chose, in prompt order (the last stands next to the question), and what the model then ` +
    `answered. A win is a question where the first of the two compared selectors is more accurate than the second. ` +
    `Shown: ${data.map(({ questions, total }) => `${questions.length} of ${count(total, 'question')}`).join('; ')}.</p>\n` +
    `<form class="filters">${run}` +
    `<label>Compare <select data-filter="focus"></select></label>` +
    `<label>with <select data-filter="against"></select></label>` +
    `<label>Outcome <select data-filter="outcome">${option('', 'all')}${option('win', 'wins')}${option('loss', 'losses')}${option('tie', 'ties')}</select></label>` +
    `<label>Question type <select data-filter="questionType">${option('', 'all')}</select></label>` +
    `<label>Answer type <select data-filter="answerType">${option('', 'all')}</select></label>` +
    `<label>Text <input type="search" data-filter="text" placeholder="question or answer"></label></form>\n` +
    `<fieldset class="legend" data-shown><legend>Selectors shown</legend></fieldset>\n` +
    `<p class="status" role="status" aria-live="polite"></p>\n<div class="cards"></div>\n` +
    `<nav class="pages" aria-label="Pages of examples"><button type="button" data-page="-1">Previous</button>` +
    `<button type="button" data-page="1">Next</button></nav>\n` +
    `<noscript><p>The browser of examples needs JavaScript.</p></noscript>\n` +
    `<script type="application/json" id="examples-data">${embedJson(data)}</script>`
  return section('examples', 'Examples', body)
}
