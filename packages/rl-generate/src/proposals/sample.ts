import { InputError } from '@lever/durable-files'
import type { Proposal, ProposalMethod } from './types.ts'
import { pointerKey } from './sequences.ts'

export interface SampleOptions {
  /** Pointers per query and temperature. */
  count: number
  /** Default 1.0 and 1.3. */
  temperatures?: readonly number[]
}

/**
 * Pointers drawn from the policy, `count` at each temperature. A repeated draw is dropped, not drawn again.
 *
 * @throws InputError for a temperature that is not above 0
 */
export const sample: ProposalMethod<SampleOptions> = {
  needs: ['policy'],
  optionNames: { count: true, temperatures: true },
  async propose({ queries, policy, shots, random }, { count, temperatures = [1.0, 1.3] }) {
    for (const temperature of temperatures) {
      if (temperature > 0) continue
      throw new InputError(`rl-generate: a temperature of sampling is ${temperature}; use numbers above 0`)
    }
    const drawn: Proposal[][] = queries.map(() => [])
    const seen = queries.map(() => new Set<string>())
    const randoms = queries.map((query) => random(query))
    for (const temperature of count === 0 ? [] : temperatures) {
      const lists = await policy!.sample(queries, { count, temperature, shots, randoms })
      for (const [i, list] of lists.entries()) {
        for (const { pointer, logProb } of list) {
          const positions = Array.from(pointer)
          const key = pointerKey(positions)
          if (seen[i]!.has(key)) continue
          seen[i]!.add(key)
          drawn[i]!.push({
            pointer: positions,
            method: 'sample',
            beamRank: null,
            temperature,
            beamScore: null,
            logProb,
          })
        }
      }
    }
    return drawn
  },
}
