import { ofMeasured } from './measured.ts'
import type { MeasuredOptions } from './measured.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/**
 * The best of the pointers measured for the query: what the choice of demonstrations could give at most, as far as
 * it was measured. Ties go to the pointer measured first. `measureOracle` measures enough of them.
 */
export function oracle({ name = 'oracle', measured }: MeasuredOptions): Selector {
  return ofMeasured({ name, measured }, (next, best) => next.accuracy > best.accuracy)
}

export const definition: SelectorDefinition = {
  order: 170,
  summary: 'the best measured pointer',
  requires: ['measured'],
  create: (options) => oracle({ ...options, measured: options.measured! }),
}
