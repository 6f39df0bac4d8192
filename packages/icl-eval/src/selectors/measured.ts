import type { OptionNames } from '@lever/durable-files/known-options'
import { eligible } from './candidates.ts'
import type { Measured, MeasuredPointer, Selector } from './types.ts'

/** The measured pointers that a bound chooses from. */
export interface MeasuredOptions {
  /** The name in tables and rows. Default `oracle` or `worst`. */
  readonly name?: string
  /** The pointers that were measured, by query id. Choosing throws RangeError for a query without one of k. */
  readonly measured: Measured
}

export const MEASURED_OPTIONS: OptionNames<MeasuredOptions> = { name: true, measured: true }

/** A selector that takes, of the pointers measured for the query with k shots, the one that `prefer` puts first. */
export function ofMeasured(
  { name, measured }: Required<MeasuredOptions>,
  prefer: (a: MeasuredPointer, b: MeasuredPointer) => boolean,
): Selector {
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: false,
    needs: [],
    select(context, k) {
      eligible(context, k, name)
      if (k === 0) return []
      const pointers = (measured.get(context.query.id) ?? []).filter(({ ids }) => ids.length === k)
      if (pointers.length === 0) {
        throw new RangeError(
          `icl-eval: ${name} has no measured pointer of ${k} for query ${context.query.id}; measure some first`,
        )
      }
      return pointers.reduce((best, next) => (prefer(next, best) ? next : best)).ids
    },
  }
}
