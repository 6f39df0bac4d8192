import { createModel } from '@lever/pointer-model'
import { train } from '../dist/index.js'
import { readFileSync } from 'node:fs'

const { output, data, phases, settings } = JSON.parse(readFileSync(0, 'utf8'), (_key, value) =>
  value?.typed === undefined ? value : new globalThis[value.typed](value.values),
)
const model = createModel({ settings, seed: 1 })
for await (const event of train({ model, data, phases, output, chunk: 2, saveEvery: 3 })) {
  if (event.type === 'step') process.stdout.write(`${event.step}\n`)
}
