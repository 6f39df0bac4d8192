import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { ofMeasured, MEASURED_OPTIONS } from './measured.ts'
import type { MeasuredOptions } from './measured.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/**
 * The best of the pointers measured for the query: what the choice of demonstrations could give at most, as far as
 * it was measured. Ties go to the pointer measured first. `measureOracle` measures enough of them.
 */
export function oracle(options: MeasuredOptions): Selector {
  refuseUnknownOptions(options, MEASURED_OPTIONS, 'icl-eval: oracle')
  const { name = 'oracle', measured } = options
  return ofMeasured({ name, measured }, (next, best) => next.accuracy > best.accuracy)
}

export const definition: SelectorDefinition<'measured'> = {
  order: 170,
  summary: 'the best measured pointer',
  takes: ['measured'],
  requires: ['measured'],
  create: (options) => oracle({ ...options, measured: options.measured! }),
}
