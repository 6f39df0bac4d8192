import { readdir } from 'node:fs/promises'

/*
 * npm run bench [-- NAME...]: runs bench/NAME.ts, or all of them, one after the other. Every module exports `run()`,
 * which measures and returns its figures; ratios hold within one run only.
 */
const folder = new URL('.', import.meta.url)
const files = await readdir(folder)
const available = files
  .filter((name) => name.endsWith('.ts') && name !== 'run.ts')
  .map((name) => name.slice(0, -3))
const chosen = process.argv.length > 2 ? process.argv.slice(2) : available.sort()
for (const name of chosen) {
  if (!available.includes(name)) {
    throw new RangeError(`bench: there is no ${name}; choose from ${available.sort().join(', ')}`)
  }
  const module = (await import(new URL(`${name}.ts`, folder).href)) as { run: () => unknown }
  process.stderr.write(`bench: ${name}\n`)
  process.stdout.write(`${name} ${JSON.stringify(await module.run(), null, 2)}\n`)
}
