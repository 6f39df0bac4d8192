import { expect, test } from '@jest/globals'
import { ARCHITECTURE_NAMES, ARCHITECTURES } from '../src/index.ts'
import { describeArchitecture } from './conformance.ts'

const withErf = new Set<string>(['mlp-cross-attention', 'mlp-gru'])

for (const name of ARCHITECTURE_NAMES) {
  describeArchitecture(name, { double: !withErf.has(name) })
  describeArchitecture(name, { double: !withErf.has(name), withMembers: true })
}

test('the table names its entries', () => {
  for (const name of ARCHITECTURE_NAMES) {
    expect(ARCHITECTURES[name].name).toBe(name)
    expect(ARCHITECTURES[name].summary).not.toBe('')
  }
})
