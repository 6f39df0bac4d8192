import { refuseUnknownOptions } from '@lever/durable-files/known-options'

import { eligible } from './candidates.ts'
import { NAME_OPTIONS } from './types.ts'
import type { NameOptions, Selector, SelectorDefinition } from './types.ts'

/** No demonstrations: what the model knows by itself. */
export function zeroShot(options: NameOptions = {}): Selector {
  refuseUnknownOptions(options, NAME_OPTIONS, 'icl-eval: zeroShot')
  const { name = 'zero-shot' } = options
  return {
    name,
    shots: 'zero',
    seeded: false,
    nested: true,
    needs: [],
    select(context, k) {
      eligible(context, k, name)
      if (k !== 0) throw new RangeError(`icl-eval: ${name} takes 0 demonstrations, not ${k}`)
      return []
    },
  }
}

export const definition: SelectorDefinition<never> = {
  order: 10,
  summary: 'no demonstrations',
  takes: [],
  requires: [],
  baseline: true,
  create: zeroShot,
}
