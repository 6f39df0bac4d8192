import { answerBeams } from './answer-beams.ts'
import { runBatch, type BatchRow, type Engine } from './batch.ts'
import { firstSlots, type KvBlock } from './kv.ts'
import { logProbability, NO_NUMBERS, topTwo } from './logits.ts'
import { extendSegment, tokenSegment } from './segments.ts'

/** A prompt's last segment, and answers (token ids) to score. */
export interface QueryRow extends BatchRow {
  answers: readonly Int32Array[]
}

export interface RowAnswer {
  /** without the end token */
  tokens: number[]
  /** smallest distance between the two best logits on the way; by beam search, of two scores */
  margin: number
  scores: { logProb: number; tokens: number }[]
  /** why there is no answer; the other rows have theirs */
  error?: Error
}

export interface DecodingSettings {
  maxNewTokens: number
  /** 1 for greedy answers */
  beams: number
  eosTokenIds: ReadonlySet<number>
  /** the end token that a scored answer is closed with */
  endToken: number
  /** whether the text of some tokens holds one that ends an answer */
  isStopped?: (tokens: readonly number[]) => boolean
  /** rows of different prefixes may run together, and slots may be masked out */
  batched: boolean
  /** most rows in one run of scored answers */
  maxRows: number
  /** most bytes of keys and values that such a run reads */
  blockBytes: number
  /** no answers, only scores */
  scoresOnly: boolean
}

interface RowState extends RowAnswer {
  /** row of the block that holds its keys and values */
  row: number
  /** token to feed next, when the answer goes on */
  feed: number | undefined
  /** tokens of the first answer that the model would have written too */
  accepted: number
}

const NOTHING = new Int32Array(0)

/**
 * Answers of all rows, greedy or by beam search, and the log-probabilities of given answers; without
 * `tokens` where only scores are wanted.
 *
 * The first answer to score is appended to the query, so the run that reads the query also says
 * whether the model would write it: each token it agrees with needs no step of its own. Then one
 * token a step for the rows that go on; a row stops at its own end token.
 */
export async function answerRows(
  engine: Engine,
  parents: KvBlock,
  rows: readonly QueryRow[],
  settings: DecodingSettings,
): Promise<RowAnswer[]> {
  const { ort, stats } = engine
  const { maxNewTokens, batched, beams, scoresOnly } = settings
  const several = rows.some(({ answers }) => answers.length > 1)
  const drafts = rows.map(({ answers }) => answers[0] ?? NOTHING)
  const bases = rows.map(({ segment }) => segment.ids.length)
  const drafted = rows.map((row, i) => ({ ...row, segment: extendSegment(row.segment, drafts[i]!) }))
  const length = Math.max(...drafted.map(({ segment }) => segment.ids.length))
  const run = await runBatch(engine, parents, drafted, {
    keep: length - Math.min(...bases) + 1,
    cache: several || (!scoresOnly && (maxNewTokens > 1 || beams > 1)),
  })
  for (const base of bases) stats.prefillTokens += base
  const vocabulary = run.logits.length / (rows.length * run.columns)
  const offset = (row: number, column: number): number =>
    (row * run.columns + column - (run.length - run.columns)) * vocabulary

  const states = rows.map((_, row): RowState => {
    const state: RowState = { row, tokens: [], margin: Infinity, scores: [], feed: undefined, accepted: 0 }
    if (beams > 1 || scoresOnly) return state
    const draft = drafts[row]!
    for (;;) {
      const at = state.accepted
      const best = topTwo(run.logits, offset(row, bases[row]! - 1 + at), vocabulary)
      takeToken(state, best, settings)
      if (state.feed === undefined || at === draft.length || best?.token !== draft[at]) return state
      state.accepted += 1
    }
  })
  rows.forEach(({ answers }, row) => {
    for (const [index, answer] of answers.entries()) {
      const first = index === 0 || answer.length === 0 ? answer.length + 1 : 1
      let logProb = 0
      for (let t = 0; t < first; t++) {
        const token = answer[t] ?? settings.endToken
        logProb += logProbability(run.logits, offset(row, bases[row]! - 1 + t), vocabulary, token)
      }
      if (Number.isNaN(logProb)) states[row]!.error ??= new Error(NO_NUMBERS)
      states[row]!.scores.push({ logProb, tokens: answer.length + 1 })
    }
  })
  if (run.block === undefined) return states

  const starts = rows.map(({ parent, segment }) => parents.next[parent]! + segment.advance)
  const usable = (accepted: (row: number) => number): KvBlock =>
    dropDraft(run.block!, parents.slots, bases, drafts, starts, accepted)
  const undrafted = (): KvBlock =>
    batched
      ? usable(() => 0)
      : firstSlots(
          ort,
          usable(() => 0),
          parents.slots + bases[0]!,
        )
  if (several) await scoreRest(engine, undrafted(), rows, states, settings)
  if (scoresOnly) return states
  if (beams > 1) {
    const offsets = rows.map((_, row) => offset(row, bases[row]! - 1))
    const first = { logits: run.logits, offsets, size: vocabulary }
    const found = await answerBeams(engine, undrafted(), first, settings)
    return states.map((state, row) => ({ ...state, ...found[row]! }))
  }
  const going = usable((row) => states[row]!.accepted)
  const kept = parents.slots + bases[0]! + states[0]!.accepted
  await decode(engine, batched ? going : firstSlots(ort, going, kept), states, settings)
  return states
}

function takeToken(
  state: RowState,
  best: { token: number; margin: number } | undefined,
  { eosTokenIds, maxNewTokens, isStopped }: DecodingSettings,
): void {
  state.feed = undefined
  if (best === undefined) {
    state.error = new Error(NO_NUMBERS)
    return
  }
  const { token, margin } = best
  state.margin = Math.min(state.margin, margin)
  if (eosTokenIds.has(token)) return
  state.tokens.push(token)
  if (isStopped?.(state.tokens) === true) return
  if (state.tokens.length < maxNewTokens) state.feed = token
}

/** The block with the slots of drafted tokens masked out, except the first `accepted` of a row. */
function dropDraft(
  block: KvBlock,
  pastSlots: number,
  bases: readonly number[],
  drafts: readonly Int32Array[],
  starts: readonly number[],
  accepted: (row: number) => number,
): KvBlock {
  const mask = block.mask.slice()
  const next = Int32Array.from(starts, (start, row) => start + accepted(row))
  for (let row = 0; row < block.rows; row++) {
    const from = row * block.slots + pastSlots + bases[row]!
    mask.fill(0, from + accepted(row), from + drafts[row]!.length)
  }
  return { ...block, mask, next }
}

async function decode(
  engine: Engine,
  block: KvBlock,
  states: readonly RowState[],
  settings: DecodingSettings,
): Promise<void> {
  let active = states.filter(({ feed }) => feed !== undefined)
  let current = block
  while (active.length > 0) {
    const rows = active.map(({ row, feed }) => ({
      parent: row,
      segment: tokenSegment([Int32Array.of(feed!)], -1),
    }))
    const cache = active.some(({ tokens }) => tokens.length + 1 < settings.maxNewTokens)
    const run = await runBatch(engine, current, rows, { keep: 1, cache })
    engine.stats.decodeSteps += rows.length
    const vocabulary = run.logits.length / (rows.length * run.columns)
    active.forEach((state, i) => {
      takeToken(state, topTwo(run.logits, ((i + 1) * run.columns - 1) * vocabulary, vocabulary), settings)
      state.row = i
    })
    active = active.filter(({ feed }) => feed !== undefined)
    if (run.block !== undefined) current = run.block
  }
}

/** Adds to the scores of all answers but the first what comes after their first token. */
async function scoreRest(
  engine: Engine,
  block: KvBlock,
  rows: readonly QueryRow[],
  states: readonly RowState[],
  { endToken, maxRows, blockBytes, batched }: DecodingSettings,
): Promise<void> {
  const wanted = rows.flatMap(({ answers }, parent) =>
    answers
      .map((answer, index) => ({ parent, index, answer }))
      .filter(({ answer, index }) => index > 0 && answer.length > 0),
  )
  const longest = wanted.reduce((most, { answer }) => Math.max(most, answer.length), 0)
  const rowBytes = (block.slots + longest) * engine.decoder.bytesPerSlot
  const step = batched ? Math.max(1, Math.min(maxRows, Math.floor(blockBytes / rowBytes))) : 1
  for (let from = 0; from < wanted.length; from += step) {
    const part = wanted.slice(from, from + step)
    const length = Math.max(...part.map(({ answer }) => answer.length))
    const run = await runBatch(
      engine,
      block,
      part.map(({ parent, answer }) => ({ parent, segment: tokenSegment([answer], -1) })),
      { keep: length, cache: false },
    )
    const vocabulary = run.logits.length / (part.length * run.columns)
    part.forEach(({ parent, index, answer }, i) => {
      const score = states[parent]!.scores[index]!
      for (let t = 0; t < answer.length; t++) {
        const offset = (i * run.columns + t) * vocabulary
        score.logProb += logProbability(run.logits, offset, vocabulary, answer[t + 1] ?? endToken)
      }
      if (Number.isNaN(score.logProb)) states[parent]!.error ??= new Error(NO_NUMBERS)
    })
  }
}
