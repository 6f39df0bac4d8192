import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom } from '../packages/reward-utils/dist/index.js'
import type { RlData } from '../packages/rl-dataset/dist/index.js'
import { readRlData } from '../packages/rl-dataset/dist/node.js'
import { analysePilot, pilotFeatures } from '../packages/rl-generate/dist/index.js'
import type { Estimate, PilotReport } from '../packages/rl-generate/dist/index.js'
import { pairsOf, readEmbeddings } from '../packages/tensor-files/dist/index.js'

/** How often the interval of a small pilot holds the value of all data, of `draws`. */
interface Coverage {
  figure: string
  truth: number
  mean: number
  width: number
  covered: number
}

/**
 * The intervals of `lever pilot` on real rewards (a folder with the files of okvqa-lm, `LEVER_OKVQA_LM`): pilots of 48
 * queries x 16 singles, drawn at random without replacement. Figures of one wording are drawn from 512 queries; those of
 * two wordings from 48 queries with 64 singles each, of which 16 are drawn, so that their queries are always the same.
 */
export async function run({ draws = 100, queries = 48, size = 16 } = {}): Promise<Coverage[]> {
  const folder = process.env['LEVER_OKVQA_LM'] ?? 'fixtures/okvqa-lm'
  if (!existsSync(folder)) throw new Error(`bench: no ${folder}; give the folder with LEVER_OKVQA_LM`)
  const read = (name: string): Promise<RlData> => readRlData(join(folder, name))
  const table = await readEmbeddings(join(folder, 'embeddings.safetensors'))
  const features = pilotFeatures(pairsOf({ queries: table, candidates: table }))
  const [train, dev, other] = [
    await read('train-singles.json'),
    await read('dev-singles.json'),
    await read('dev-singles-other-template.json'),
  ]
  const common = new Set(other.queries.map(({ query_id }) => query_id))
  const twice = { ...dev, queries: dev.queries.filter(({ query_id }) => common.has(query_id)) }
  const one = figuresOf(analysePilot({ data: train, features }), false)
  const found = new Map<string, Estimate[]>()
  const truths = new Map<string, number>(one.map(([name, { value }]) => [name, value]))
  const sizeTruths = new Map<string, number[]>()
  for (let draw = 0; draw < draws; draw++) {
    const random = createRandom(draw, 'pilot')
    const single = { ...train, queries: random.sample(train.queries, queries) }
    note(found, figuresOf(analysePilot({ data: single, features }), false))
    const part = fewer(twice, size, draw)
    note(found, figuresOf(analysePilot({ data: part, other }), true))
  }
  for (const [name, { value }] of figuresOf(analysePilot({ data: twice, other }), true)) {
    // the best of 64 gains more than the best of 16: the truth is what groups of 16 give on average
    const depends = name.includes('carried') || name.includes('headroom')
    if (!depends) truths.set(name, value)
    else
      sizeTruths.set(
        name,
        found.get(name)!.map((estimate) => estimate.value),
      )
  }
  for (const [name, values] of sizeTruths) truths.set(name, values.reduce((a, b) => a + b, 0) / values.length)
  return Array.from(found, ([figure, estimates]) => {
    const truth = truths.get(figure)!
    const mean = (of: (estimate: Estimate) => number): number =>
      Number((estimates.reduce((sum, each) => sum + of(each), 0) / estimates.length).toFixed(4))
    return {
      figure,
      truth: Number(truth.toFixed(4)),
      mean: mean(({ value }) => value),
      width: mean(({ low, high }) => high - low),
      covered: estimates.filter(({ low, high }) => low <= truth && truth <= high).length,
    }
  })
}

function note(found: Map<string, Estimate[]>, figures: readonly (readonly [string, Estimate])[]): void {
  for (const [name, estimate] of figures) found.set(name, [...(found.get(name) ?? []), estimate])
}

function figuresOf({ rewards, needed }: PilotReport, twoWordings: boolean): [string, Estimate][] {
  return [
    ...rewards.flatMap(
      ({ reward, flat, components, predictable, reliability, headroom }): [string, Estimate][] =>
        twoWordings
          ? [
              [`${reward}: correlation`, reliability!.correlation],
              [`${reward}: carried`, reliability!.carried],
              [`${reward}: headroom`, headroom!],
            ]
          : [
              [`${reward}: flat`, flat],
              [`${reward}: query`, components.query],
              [`${reward}: demonstration`, components.demonstration],
              [`${reward}: rest`, components.rest],
              ...(predictable ? [[`${reward}: predictable`, predictable.r2] as [string, Estimate]] : []),
            ],
    ),
    ...(twoWordings
      ? []
      : needed!
          .slice(1, 2)
          .map(({ questions }): [string, Estimate] => ['questions for 2 points', questions])),
  ]
}

/** The same queries with so many of their candidates. */
function fewer(data: RlData, size: number, seed: number): RlData {
  return {
    ...data,
    queries: data.queries.map((query) => ({
      ...query,
      pointer_candidates: createRandom(seed, 'singles', query.query_id).sample(
        query.pointer_candidates,
        size,
      ),
    })),
  }
}
