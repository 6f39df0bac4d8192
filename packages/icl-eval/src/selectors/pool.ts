import { withinPool } from './scope.ts'
import type { SelectorDefinition } from './types.ts'

export const definition: SelectorDefinition = {
  order: 135,
  summary: 'the choice of another selector from the pool that policies see',
  requires: ['of'],
  create: ({ of, name }) => withinPool(of!, name),
}
