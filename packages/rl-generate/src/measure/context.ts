import { InputError } from '@lever/durable-files'
import { ascending } from './header.ts'
import type { Ledger } from './ledger.ts'
import { imagePlaces } from './order.ts'
import type { Answer, MeasureOptions } from './types.ts'
import type { WorkContext } from './work.ts'

/** What turning plans into prompts needs, out of the options of a run. */
export function workContext<A extends Answer>(options: MeasureOptions<A>, ledger: Ledger): WorkContext {
  const { candidates, meta, prefixes = [], recheck = 0, untilInformative } = options
  const places = imagePlaces(candidates)
  const byId = new Map(candidates.map((example) => [example.id, example]))
  return {
    ledger,
    protocolHash: meta.protocol.hash,
    shots: meta.shot_num,
    prefixes: ascending(prefixes),
    recheck,
    accuracies: untilInformative !== undefined,
    place: (id) => places.get(id) ?? 0,
    example(id, queryId) {
      const example = byId.get(id)
      if (example !== undefined) return example
      throw new InputError(
        `rl-generate: the pool of query ${queryId} holds ${id}, which is not a candidate; give the candidates that the pools were made for`,
      )
    },
  }
}
