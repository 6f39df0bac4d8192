import { createHash } from 'node:crypto'
import {
  buildPools,
  growBeams,
  type AnchorBeams,
  type BeamEvent,
  type Example,
  type BeamOptions,
  type BeamStatistics,
  type GroundTruthScore,
  type ExamplePrompt,
  type ScoreGroundTruth,
} from '../src/index.ts'
import { toyExamples } from './toys.ts'

export const candidates: Example[] = toyExamples(60)
export const queries: Example[] = candidates.slice(0, 6)
export const { byQuery: pools } = await buildPools({ queries, candidates, size: 12, seed: 3 })

/** A probability that is a function of the prompt alone. */
export function probabilityOf({ demonstrations, query }: ExamplePrompt): number {
  const text = [...demonstrations, query].map(({ id }) => id).join()
  return (1 + createHash('sha256').update(text).digest().readUInt16BE()) / 65_537
}

export const scored = (prompt: ExamplePrompt): GroundTruthScore => ({
  logProb: Math.log(probabilityOf(prompt)),
  tokens: 1,
})
export const scoreGroundTruth: ScoreGroundTruth = (prompts) => Promise.resolve(prompts.map(scored))

export function optionsOf(journal: string, changes: Partial<BeamOptions> = {}): BeamOptions {
  return {
    queries,
    candidates,
    pools,
    scoreGroundTruth,
    infoScore: (after, before) => Math.exp(after.logProb) - Math.exp(before.logProb),
    journal,
    meta: { protocol: { hash: 'p1' }, shot_num: 2, pool_size: 12, vqa_model: 'toy' },
    width: 3,
    ...changes,
  }
}

export async function grow(
  options: BeamOptions,
): Promise<{ beams: readonly AnchorBeams[]; statistics: BeamStatistics }> {
  let last: BeamEvent | undefined
  for await (const event of growBeams(options)) last = event
  if (last?.type !== 'done') throw new Error('no done event')
  return last
}
