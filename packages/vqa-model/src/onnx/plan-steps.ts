import { groupByLength, type Plan, type PlanLeaf, type PlanNode, type TextSegment } from '../prompt/plan.ts'
import type { DecodingSettings, RowAnswer } from './answer-rows.ts'
import type { Engine } from './batch.ts'
import { isDeviceFailure } from './failures.ts'
import type { KvBlock } from './kv.ts'
import type { TokenSegment } from './segments.ts'

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

/** What every step of a walk over a plan needs. */
export interface Walk {
  readonly engine: Engine
  readonly settings: PlanSettings
  readonly input: PlanInput
  /** bytes of keys and values that the batch of one level may hold */
  readonly levelBytes: number
  /** the empty prefix */
  readonly root: KvBlock
}

/** A prefix that was read: its node, its row in the block, its segments. */
export interface Place {
  node: PlanNode
  row: number
  path: readonly TokenSegment[]
}

/** A child or leaf of a place, with its tokens. */
export interface Step<Item> {
  item: Item
  place: Place
  segment: TokenSegment
}

/** The leaves or children of places as steps; those that cannot be used are reported and left out. */
export async function resolveSteps<Item extends { segment: TextSegment; answers?: readonly string[] }>(
  { input, settings }: Walk,
  steps: readonly { item: Item; place: Place }[],
  promptsOf: (item: Item) => readonly number[],
): Promise<Step<Item>[]> {
  const found: Step<Item>[] = []
  for (const { item, place } of steps) {
    try {
      const segment = await input.resolve(item.segment)
      checkLength([...place.path, segment], tokensAfter(input, settings, item), settings.contextLength)
      found.push({ item, place, segment })
    } catch (error) {
      if (isDeviceFailure(error as Error)) throw error
      input.onError(promptsOf(item), error as Error)
    }
  }
  return found
}

/**
 * Steps in groups that run together: of similar length, within the limits of rows, tokens and memory.
 *
 * @param extra tokens that an item adds to its segment
 * @param copies rows that one step becomes
 */
export function groupSteps<Item>(
  { engine, settings, levelBytes }: Walk,
  steps: readonly Step<Item>[],
  block: KvBlock,
  { extra, copies }: { extra: (item: Item) => number; copies: number },
): Step<Item>[][] {
  if (!settings.batched) return steps.map((step) => [step])
  const lengthOf = ({ item, segment }: Step<Item>): number => segment.ids.length + extra(item)
  const longest = steps.reduce((most, step) => Math.max(most, lengthOf(step)), 0)
  const rowBytes = (block.slots + longest + settings.maxNewTokens) * engine.decoder.bytesPerSlot * copies
  const maxRows = Math.max(1, Math.floor(Math.min(settings.maxRows / copies, levelBytes / rowBytes)))
  return groupByLength(steps, lengthOf, { maxRows, maxTokens: settings.maxTokens })
}

/** Tokens of the first answer to score, which runs with its query. */
export function draftLength({ input }: Walk, { answers }: PlanLeaf): number {
  return answers.length === 0 ? 0 : input.encodeAnswer(answers[0]!).length
}

/** Tokens that come after a prompt: those of its answer, or those of an answer to score with its end token. */
function tokensAfter(
  { encodeAnswer }: PlanInput,
  { maxNewTokens }: PlanSettings,
  { answers = [] }: { answers?: readonly string[] },
): number {
  return answers.reduce((most, answer) => Math.max(most, encodeAnswer(answer).length + 1), maxNewTokens)
}

function checkLength(path: readonly TokenSegment[], after: number, contextLength: number): void {
  const length = path.reduce((sum, { ids }) => sum + ids.length, 0)
  if (length + after <= contextLength) return
  const longest = Math.max(...path.map(({ ids }) => ids.length))
  const remedy =
    longest + after > contextLength
      ? `one example alone has ${longest}: shorten its question, or use smaller images (pixels.max)`
      : 'show fewer demonstrations or smaller images (pixels.max)'
  throw new Error(
    `vqa-model: the prompt has ${length} tokens or more and the model takes ${contextLength} with the ${after} of the answer; ${remedy}`,
  )
}
