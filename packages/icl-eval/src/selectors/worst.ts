import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { ofMeasured, MEASURED_OPTIONS } from './measured.ts'
import type { MeasuredOptions } from './measured.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The worst of the pointers measured for the query: what a misleading choice costs. */
export function worst(options: MeasuredOptions): Selector {
  refuseUnknownOptions(options, MEASURED_OPTIONS, 'icl-eval: worst')
  const { name = 'worst', measured } = options
  return ofMeasured({ name, measured }, (next, best) => next.accuracy < best.accuracy)
}

export const definition: SelectorDefinition<'measured'> = {
  order: 160,
  summary: 'the worst measured pointer',
  takes: ['measured'],
  requires: ['measured'],
  create: (options) => worst({ ...options, measured: options.measured! }),
}
