import { logProbability, NO_NUMBERS } from './logits.ts'

export interface BeamSettings {
  /** width of the search */
  beams: number
  maxNewTokens: number
  eosTokenIds: ReadonlySet<number>
}

/** A continuation of a prompt: its tokens and the sum of their log-probabilities. */
export interface Beam {
  tokens: number[]
  score: number
}

export interface RunningBeam extends Beam {
  /** index among the beams before the last step */
  parent: number
}

/** A search over the continuations of one prompt. */
export interface BeamSearch {
  /** best first; they need the logits after their last token */
  running: RunningBeam[]
  /** ended ones, best first, at most as many as the width; the end token counts in the score and is not in `tokens` */
  finished: Beam[]
  /** smallest difference of two scores that decided something, per token */
  margin: number
  done: boolean
}

export function startBeams(): BeamSearch {
  return { running: [{ tokens: [], score: 0, parent: 0 }], finished: [], margin: Infinity, done: false }
}

/**
 * One step of beam search as the `generate()` of Hugging Face's Python transformers does it with `length_penalty` 0 and
 * `early_stopping` false: of the `max(2, 1 + end tokens) * width` best continuations by sum of log-probabilities, those
 * that end and are among the `width` best join the finished ones, and the `width` best of the others run on. It ends at
 * `maxNewTokens`, and when no running one can pass the worst finished one any more (a sum only falls). Ties go to the
 * beam that was better, then to the smaller token.
 *
 * @param logits of every running beam from its offset, V each
 * @throws Error if they are not numbers
 */
export function advanceBeams(
  { running, finished, margin }: BeamSearch,
  logits: Float32Array,
  offsets: readonly number[],
  size: number,
  { beams, maxNewTokens, eosTokenIds }: BeamSettings,
): BeamSearch {
  const keep = Math.max(2, 1 + eosTokenIds.size) * beams
  const candidates = bestContinuations(running, logits, offsets, size, keep + 1)
  const length = running[0]!.tokens.length + 1
  const going: RunningBeam[] = []
  const ended: Beam[] = []
  let closest = gap(candidates[beams - 1], candidates[beams])
  for (const [rank, { parent, token, score }] of candidates.entries()) {
    const tokens = running[parent]!.tokens
    const isEnd = eosTokenIds.has(token)
    if (isEnd || length === maxNewTokens) {
      if (rank < beams) ended.push({ tokens: isEnd ? tokens : [...tokens, token], score })
    } else if (going.length < beams && rank < keep) {
      going.push({ tokens: [...tokens, token], score, parent })
    } else if (going.length === beams) {
      closest = Math.min(closest, gap(going.at(-1), { score }))
      break
    }
  }
  const best = [...finished, ...ended].sort((a, b) => b.score - a.score).slice(0, beams)
  const full = best.length === beams && !(going.length > 0 && going[0]!.score > best.at(-1)!.score)
  const done = full || going.length === 0
  if (done) closest = Math.min(closest, gap(best[0], best[1]))
  return { running: done ? [] : going, finished: best, margin: Math.min(margin, closest / length), done }
}

interface Continuation {
  parent: number
  token: number
  score: number
}

/** The best continuations by one token, best first. */
function bestContinuations(
  running: readonly Beam[],
  logits: Float32Array,
  offsets: readonly number[],
  size: number,
  count: number,
): Continuation[] {
  const best: Continuation[] = []
  for (const [parent, beam] of running.entries()) {
    const offset = offsets[parent]!
    const shift = beam.score + logProbability(logits, offset, size, 0) - logits[offset]!
    for (let token = 0; token < size; token++) {
      const score = logits[offset + token]! + shift
      if (best.length === count && !(score > best[count - 1]!.score)) continue
      let at = best.length
      while (at > 0 && best[at - 1]!.score < score) at -= 1
      best.splice(at, 0, { parent, token, score })
      if (best.length > count) best.pop()
    }
  }
  if (best.length === 0 || !Number.isFinite(best[0]!.score)) throw new Error(NO_NUMBERS)
  return best
}

function gap(a: { score: number } | undefined, b: { score: number } | undefined): number {
  return a === undefined || b === undefined ? Infinity : Math.abs(a.score - b.score)
}
