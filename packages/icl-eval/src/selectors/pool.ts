import { withinPool } from './scope.ts'
import type { SelectorDefinition } from './types.ts'

export const definition: SelectorDefinition<'of'> = {
  order: 135,
  summary: 'the choice of another selector from the pool that policies see',
  takes: ['of'],
  requires: ['of'],
  create: ({ of, name }) => withinPool(of!, name),
}
