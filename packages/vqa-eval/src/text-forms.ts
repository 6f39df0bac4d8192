import { cleanAnswer, normalizeAnswer } from './normalize.ts'
import type { TextForms } from './score.ts'
import type { TextTable } from './text-table.ts'

/** Cleans and normalises numbered texts, each once. */
export function textForms(table: TextTable): TextForms<number> {
  return {
    clean: remembered(table, cleanAnswer),
    normalize: remembered(table, normalizeAnswer),
  }
}

function remembered(table: TextTable, form: (text: string) => string): (text: number) => number {
  const known: number[] = []
  return (text) => {
    const before = known[text]
    if (before !== undefined && before >= 0) return before
    const given = table.texts[text]!
    const formed = form(given)
    const after = formed === given ? text : table.idOf(formed)
    while (known.length <= text) known.push(-1)
    known[text] = after
    return after
  }
}
