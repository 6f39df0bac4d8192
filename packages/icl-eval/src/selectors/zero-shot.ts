import { eligible } from './candidates.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** No demonstrations: what the model knows by itself. */
export function zeroShot({ name = 'zero-shot' }: { readonly name?: string } = {}): Selector {
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

export const definition: SelectorDefinition = {
  order: 10,
  summary: 'no demonstrations',
  requires: [],
  baseline: true,
  create: zeroShot,
}
