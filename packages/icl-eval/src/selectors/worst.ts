import { ofMeasured } from './measured.ts'
import type { MeasuredOptions } from './measured.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The worst of the pointers measured for the query: what a misleading choice costs. */
export function worst({ name = 'worst', measured }: MeasuredOptions): Selector {
  return ofMeasured({ name, measured }, (next, best) => next.accuracy < best.accuracy)
}

export const definition: SelectorDefinition = {
  order: 160,
  summary: 'the worst measured pointer',
  requires: ['measured'],
  create: (options) => worst({ ...options, measured: options.measured! }),
}
