// node scripts/demo-picture.mjs RUN: draws docs/images/accuracy.svg, the picture of the README, from a run of `lever demo`.
import { readFile, writeFile } from 'node:fs/promises'
import { reportPlots, summarize } from '@lever/icl-eval'

const SHOWN = [
  'zero-shot',
  'random',
  'rices-both',
  'mmr',
  'agreement',
  'pointer-rce',
  'pointer-listwise',
  'oracle',
]
const [run] = process.argv.slice(2)
if (run === undefined) throw new Error('give the run directory of lever demo')
const lines = (await readFile(`${run}/per-question.jsonl`, 'utf8')).trimEnd().split('\n')
const rows = lines.map((line) => JSON.parse(line)).filter(({ selector }) => SHOWN.includes(selector))
const summary = summarize(rows)
const plots = reportPlots({ title: 'demo', runs: [{ name: 'demo', summary, rows }] })
const accuracy = plots.find(({ name }) => name === 'accuracy.svg')
await writeFile(new URL('../docs/images/accuracy.svg', import.meta.url), accuracy.svg)
