import { promptsBelow, type PlanLeaf } from '../prompt/plan.ts'
import { answerRows } from './answer-rows.ts'
import { answerAlone, answerWhole, report } from './answer-whole.ts'
import { runBatch, type Engine } from './batch.ts'
import { emptyBlock, type KvBlock } from './kv.ts'
import {
  draftLength,
  groupSteps,
  resolveSteps,
  type Place,
  type PlanInput,
  type PlanSettings,
  type Step,
  type Walk,
} from './plan-steps.ts'

/**
 * Answers all prompts of a plan, walking its trie depth first in batches: the children of a
 * batch of prefixes run in batches of their own, each followed by everything below it, so the
 * caches alive are one batch per level.
 */
export async function answerPlan(engine: Engine, settings: PlanSettings, input: PlanInput): Promise<void> {
  const root = emptyBlock(engine.ort, engine.decoder.layout)
  const walk: Walk = { engine, settings, input, root, levelBytes: settings.kvBytes / (2 * input.plan.depth) }
  if (settings.sharing) await expand(walk, [{ node: input.plan.root, row: 0, path: [] }], root)
  else await answerWhole(walk, input.plan.root, [])
}

/** Answers everything below some prefixes, whose keys and values are in `block`. */
async function expand(walk: Walk, places: readonly Place[], block: KvBlock): Promise<void> {
  const { engine, settings, input } = walk
  const leaves = await resolveSteps(
    walk,
    places.flatMap((place) => place.node.leaves.map((item) => ({ item, place }))),
    ({ prompts }) => prompts,
  )
  const drafted = { extra: (leaf: PlanLeaf) => draftLength(walk, leaf), copies: settings.beams }
  for (const group of groupSteps(walk, leaves, block, drafted)) {
    input.check()
    await answerGroup(walk, group, block)
  }
  const children = await resolveSteps(
    walk,
    places.flatMap((place) => place.node.children.map((item) => ({ item, place }))),
    promptsBelow,
  )
  for (const group of groupSteps(walk, children, block, { extra: () => 0, copies: 1 })) {
    input.check()
    const rows = group.map(({ place, segment }) => ({ parent: place.row, segment }))
    const run = await runBatch(engine, block, rows, { keep: 0, cache: true })
    for (const { segment } of group) engine.stats.prefillTokens += segment.ids.length
    await expand(
      walk,
      group.map(({ item, place, segment }, row) => ({ node: item, row, path: [...place.path, segment] })),
      run.block!,
    )
  }
}

/** Answers a group of queries in one run; an answer that is nearly a tie is repeated alone. */
async function answerGroup(walk: Walk, group: readonly Step<PlanLeaf>[], block: KvBlock): Promise<void> {
  const { engine, settings, input, levelBytes } = walk
  const rows = group.map(({ item, place, segment }) => ({
    parent: place.row,
    segment,
    answers: item.answers.map(input.encodeAnswer),
  }))
  const found = await answerRows(engine, block, rows, { ...settings, blockBytes: levelBytes })
  for (const [i, { item, place, segment }] of group.entries()) {
    const answer = found[i]!
    if (answer.margin < settings.nearTie) {
      engine.stats.nearTies += 1
      const { tokens, error } = await answerAlone(walk, [...place.path, segment])
      answer.tokens = tokens
      if (error !== undefined) answer.error ??= error
    }
    report(walk, item.prompts, answer)
  }
}
