import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  buildPools,
  defaultMix,
  measureRewards,
  proposePointers,
  similarityOf,
  type AnswerFunction,
  type Example,
  type MeasureEvent,
  type MeasureOptions,
  type ExamplePrompt,
  type MeasureStatistics,
  type ProposeFunction,
} from '../src/index.ts'
import { toyExamples, toyFeatures, toyPolicy } from './toys.ts'

export const examples: Example[] = toyExamples(60)
export const queries: Example[] = examples.slice(0, 20)

export function freshPath(name = 'rl.jsonl'): string {
  return join(mkdtempSync(join(tmpdir(), 'generate-')), name)
}

/** The right answer for about a third of the prompts, a wrong one else; a function of the prompt alone. */
export function scriptedText({ demonstrations, query }: ExamplePrompt): string {
  const ids = [...demonstrations.map(({ id }) => id), query.id]
  return createHash('sha256').update(ids.join()).digest()[0]! % 3 === 0
    ? query.answers[0]!
    : `wrong ${ids.join('-')}`
}

/** Answers after 0 to 3 ms, so that batches overtake each other. */
export const scripted: AnswerFunction = async (prompts) => {
  await sleep(prompts[0]!.query.id % 4)
  return prompts.map((prompt) => ({ text: scriptedText(prompt) }))
}

export function proposer({ shots = 2, size = 12, seed = 5, poolSeed = 5, N = 16 } = {}): ProposeFunction {
  const pools = buildPools({ queries: examples, candidates: examples, size: N, seed: poolSeed })
  const similarities = {
    image: similarityOf(toyFeatures(examples, 'image')),
    text: similarityOf(toyFeatures(examples)),
  }
  return async (batch, { round, known }) => {
    const { byQuery } = await pools
    const asked = batch.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id)! }))
    const mix = round === 0 ? defaultMix({ counts: { beam: 2, retrieval: 4, sample: 1, random: 2 } }) : []
    const more = round === 0 ? size : 4
    const groups = await proposePointers({
      queries: asked,
      shots,
      mix,
      size: more,
      seed,
      policy: toyPolicy(),
      similarities,
      known,
      round,
    })
    return groups.map((proposals, i) => ({ poolIds: asked[i]!.poolIds, proposals }))
  }
}

/** The same for a queue, whose workers answer. */
export function toyQueueOptions(
  journal: string,
  changes: Partial<MeasureOptions> = {},
): Omit<MeasureOptions, 'answer'> {
  return Object.fromEntries(
    Object.entries(toyOptions(journal, changes)).filter(([name]) => name !== 'answer'),
  ) as unknown as Omit<MeasureOptions, 'answer'>
}

export function toyOptions(journal: string, changes: Partial<MeasureOptions> = {}): MeasureOptions {
  return {
    queries,
    candidates: examples,
    propose: proposer(),
    answer: scripted,
    score: (prediction, query) => ({ accuracy: prediction === query.answers[0] ? 1 : 0, mode: 'file' }),
    journal,
    meta: { protocol: { hash: 'p1' }, shot_num: 2, pool_size: 16, vqa_model: 'scripted' },
    batchSize: 8,
    syncEvery: 64,
    ...changes,
  }
}

export async function collect(options: MeasureOptions): Promise<MeasureEvent[]> {
  const events: MeasureEvent[] = []
  for await (const event of measureRewards(options)) events.push(event)
  return events
}

export async function measure(options: MeasureOptions): Promise<MeasureStatistics> {
  const last = (await collect(options)).at(-1)
  if (last?.type !== 'done') throw new Error('no done event')
  return last.statistics
}

export interface Line {
  key: string
  value: Record<string, unknown> & { query_id: number; pointer: number[] }
}

export function linesOf(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as Line)
}

/** The lines in an order of their own: what must not depend on the order of work. */
export function sortedText(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').sort().join('\n')
}
