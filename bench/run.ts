import { readdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { appendHistory } from './support/history.ts'

/*
 * npm run bench [-- [--json FILE] NAME...]: runs bench/NAME.ts, or all of them, one after the other. Every module exports
 * `run()`, which measures and returns its figures; ratios hold within one run only. With --json the figures are appended to
 * FILE, a JSON list with an entry for every run, which .github/workflows/bench.yml keeps.
 */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } })
const folder = new URL('.', import.meta.url)
const files = await readdir(folder)
const available = files
  .filter((name) => name.endsWith('.ts') && name !== 'run.ts')
  .map((name) => name.slice(0, -3))
const chosen = positionals.length > 0 ? positionals : available.sort()
const unknown = chosen.find((name) => !available.includes(name))
if (unknown !== undefined) {
  throw new RangeError(`bench: there is no ${unknown}; choose from ${available.sort().join(', ')}`)
}
const figures: Record<string, unknown> = {}
for (const name of chosen) {
  const module = (await import(new URL(`${name}.ts`, folder).href)) as { run: () => unknown }
  process.stderr.write(`bench: ${name}\n`)
  figures[name] = await module.run()
  process.stdout.write(`${name} ${JSON.stringify(figures[name], null, 2)}\n`)
}
if (values.json !== undefined) await appendHistory(values.json, figures)
