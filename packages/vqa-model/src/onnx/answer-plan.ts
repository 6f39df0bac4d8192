import {
  groupByLength,
  promptsBelow,
  type Plan,
  type PlanLeaf,
  type PlanNode,
  type TextSegment,
} from '../prompt/plan.ts'
import { answerRows, type DecodingSettings, type RowAnswer } from './answer-rows.ts'
import { runBatch, type Engine } from './batch.ts'
import { isDeviceFailure } from './failures.ts'
import { emptyBlock, type KvBlock } from './kv.ts'
import { joinSegments, type TokenSegment } from './segments.ts'

export interface PlanSettings extends Omit<DecodingSettings, 'blockBytes'> {
  /** share prefixes; without, every prompt runs alone and whole */
  sharing: boolean
  /** answers with a smaller margin are repeated alone and whole */
  nearTie: number
  /** most tokens of a prompt with its answer */
  contextLength: number
  /** most tokens in one run, padding included */
  maxTokens: number
  /** budget of the keys and values alive at one time, bytes */
  kvBytes: number
}

export interface PlanInput {
  plan: Plan
  /** tokens of a segment; rejects when one of its images cannot be used. A device that fails ends the call. */
  resolve: (segment: TextSegment) => Promise<TokenSegment>
  encodeAnswer: (answer: string) => Int32Array
  /** called between runs; throws to stop */
  check: () => void
  onAnswer: (prompts: readonly number[], answer: RowAnswer) => void
  onError: (prompts: readonly number[], error: Error) => void
}

interface Place {
  node: PlanNode
  row: number
  path: readonly TokenSegment[]
}

interface Step<Item> {
  item: Item
  place: Place
  segment: TokenSegment
}

/**
 * Answers all prompts of a plan, walking its trie depth first in batches: the children of a
 * batch of prefixes run in batches of their own, each followed by everything below it, so the
 * caches alive are one batch per level.
 */
export async function answerPlan(engine: Engine, settings: PlanSettings, input: PlanInput): Promise<void> {
  const { decoder, ort } = engine
  const share = settings.kvBytes / (2 * input.plan.depth)

  async function expand(places: readonly Place[], block: KvBlock): Promise<void> {
    const leaves = await resolveSteps(
      places.flatMap((place) => place.node.leaves.map((item) => ({ item, place }))),
      ({ prompts }) => prompts,
    )
    for (const group of grouped(leaves, block, longestAnswer, settings.beams)) {
      input.check()
      await answerGroup(group, block)
    }
    const children = await resolveSteps(
      places.flatMap((place) => place.node.children.map((item) => ({ item, place }))),
      promptsBelow,
    )
    for (const group of grouped(children, block, () => 0, 1)) {
      input.check()
      const rows = group.map(({ place, segment }) => ({ parent: place.row, segment }))
      const run = await runBatch(engine, block, rows, { keep: 0, cache: true })
      for (const { segment } of group) engine.stats.prefillTokens += segment.ids.length
      await expand(
        group.map(({ item, place, segment }, row) => ({ node: item, row, path: [...place.path, segment] })),
        run.block!,
      )
    }
  }

  async function resolveSteps<Item extends { segment: TextSegment; answers?: readonly string[] }>(
    steps: readonly { item: Item; place: Place }[],
    promptsOf: (item: Item) => readonly number[],
  ): Promise<Step<Item>[]> {
    const found: Step<Item>[] = []
    for (const { item, place } of steps) {
      try {
        const segment = await input.resolve(item.segment)
        checkLength([...place.path, segment], afterPrompt(item), settings.contextLength)
        found.push({ item, place, segment })
      } catch (error) {
        if (isDeviceFailure(error as Error)) throw error
        input.onError(promptsOf(item), error as Error)
      }
    }
    return found
  }

  function grouped<Item>(
    steps: readonly Step<Item>[],
    block: KvBlock,
    extra: (item: Item) => number,
    copies: number,
  ): Step<Item>[][] {
    if (!settings.batched) return steps.map((step) => [step])
    const lengthOf = ({ item, segment }: Step<Item>): number => segment.ids.length + extra(item)
    const longest = Math.max(0, ...steps.map(lengthOf))
    const rowBytes = (block.slots + longest + settings.maxNewTokens) * decoder.bytesPerSlot * copies
    const maxRows = Math.max(1, Math.floor(Math.min(settings.maxRows / copies, share / rowBytes)))
    return groupByLength(steps, lengthOf, { maxRows, maxTokens: settings.maxTokens })
  }

  /** Tokens that come after a prompt: those of its answer, or those of an answer to score with its end token. */
  function afterPrompt(item: { answers?: readonly string[] }): number {
    const scored = (item.answers ?? []).map((answer) => input.encodeAnswer(answer).length + 1)
    return Math.max(settings.maxNewTokens, ...scored)
  }

  function longestAnswer({ answers }: PlanLeaf): number {
    return answers.length === 0 ? 0 : input.encodeAnswer(answers[0]!).length
  }

  async function answerGroup(group: readonly Step<PlanLeaf>[], block: KvBlock): Promise<void> {
    const rows = group.map(({ item, place, segment }) => ({
      parent: place.row,
      segment,
      answers: item.answers.map(input.encodeAnswer),
    }))
    const found = await answerRows(engine, block, rows, { ...settings, blockBytes: share })
    for (const [i, { item, place, segment }] of group.entries()) {
      const answer = found[i]!
      if (answer.margin < settings.nearTie) {
        engine.stats.nearTies += 1
        const { tokens, error } = await answerAlone([...place.path, segment])
        answer.tokens = tokens
        if (error !== undefined) answer.error ??= error
      }
      tell(item.prompts, answer)
    }
  }

  function tell(prompts: readonly number[], answer: RowAnswer): void {
    if (answer.error === undefined) input.onAnswer(prompts, answer)
    else input.onError(prompts, answer.error)
  }

  const root = emptyBlock(ort, decoder.layout)

  async function answerAlone(
    path: readonly TokenSegment[],
    answers: readonly Int32Array[] = [],
  ): Promise<RowAnswer> {
    const before = engine.stats.prefillTokens
    const scored = answers.length > 0 ? { scoresOnly: true } : {}
    const alone = { ...settings, ...scored, batched: false, blockBytes: share }
    const row = { parent: 0, segment: joinSegments(path), answers }
    const [answer] = await answerRows(engine, root, [row], alone)
    engine.stats.prefillTokens = before
    return answer!
  }

  async function whole(node: PlanNode, path: readonly TokenSegment[]): Promise<void> {
    for (const { item, place, segment } of await resolveSteps(
      node.leaves.map((item) => ({ item, place: { node, row: 0, path } })),
      ({ prompts }) => prompts,
    )) {
      const segments = [...place.path, segment]
      for (const prompt of item.prompts) {
        input.check()
        const answer = settings.scoresOnly ? nothing() : await answerAlone(segments)
        engine.stats.prefillTokens += segments.reduce((sum, { ids }) => sum + ids.length, 0)
        for (const text of item.answers) {
          const { scores, error } = await answerAlone(segments, [input.encodeAnswer(text)])
          answer.scores.push(scores[0]!)
          if (error !== undefined) answer.error ??= error
        }
        tell([prompt], answer)
      }
    }
    for (const { item, place, segment } of await resolveSteps(
      node.children.map((item) => ({ item, place: { node, row: 0, path } })),
      promptsBelow,
    )) {
      await whole(item, [...place.path, segment])
    }
  }

  const start: Place = { node: input.plan.root, row: 0, path: [] }
  await (settings.sharing ? expand([start], root) : whole(input.plan.root, []))
}

function nothing(): RowAnswer {
  return { tokens: [], margin: Infinity, scores: [] }
}

function checkLength(path: readonly TokenSegment[], after: number, contextLength: number): void {
  const length = path.reduce((sum, { ids }) => sum + ids.length, 0)
  if (length + after <= contextLength) return
  throw new Error(
    `vqa-model: the prompt has ${length} tokens or more and the model takes ${contextLength} with the ${after} of the answer; ` +
      `show fewer demonstrations or smaller images (pixels.max)`,
  )
}
