import { InputError, type Journal } from '@lever/durable-files'
import { measurementKey } from '../measure/key.ts'
import type { ExamplePrompt } from '../measure/types.ts'
import type { Example } from '../types.ts'
import type { BeamOptions, GroundTruthScore } from './types.ts'

/** A line of the journal: the score of one prompt. */
export interface ScoreLine {
  readonly query_id: number
  /** Ids in prompt order. */
  readonly pointer: readonly number[]
  /** log P(ground truth | demonstrations, query), summed over `tokens`. */
  readonly log_prob: number
  readonly tokens: number
}

/** Scores prompts of one anchor and length, out of the journal where it holds them. */
export interface Scorer {
  readonly counts: { readonly prompts: number; readonly failed: number }
  /**
   * One score per pointer, in order; undefined where there is none.
   *
   * @throws InputError (strict) for a prompt that cannot be scored; Error for scores that are no log-probabilities
   */
  score(
    query: Example,
    pointers: readonly (readonly number[])[],
  ): Promise<readonly (GroundTruthScore | undefined)[]>
}

/**
 * A scorer over an open journal. Where the journal lacks a pointer, all pointers of the call are
 * asked again and what it lacks is added: a score depends on what runs together in its last digits,
 * and so an interrupted run continues to the same bytes.
 */
export function createScorer(
  { meta, scoreGroundTruth, strict = true }: BeamOptions,
  journal: Journal<unknown>,
  example: (id: number, queryId: number) => Example,
  signal: AbortSignal,
): Scorer {
  const counts = { prompts: 0, failed: 0 }

  async function ask(prompts: readonly ExamplePrompt[], keys: readonly string[]): Promise<void> {
    const answers = await scoreGroundTruth(prompts, { signal })
    counts.prompts += prompts.length
    if (answers.length !== prompts.length) {
      throw new Error(`rl-generate: the model gave ${answers.length} scores to ${prompts.length} prompts`)
    }
    for (const [i, answer] of answers.entries()) {
      const prompt = prompts[i]!
      if ('error' in answer) {
        if (strict) throw refusal(prompt, answer.error)
        counts.failed += 1
        continue
      }
      const { logProb, tokens } = checked(answer, prompt)
      const line: ScoreLine = { query_id: prompt.query.id, pointer: idsOf(prompt), log_prob: logProb, tokens }
      await journal.append(keys[i]!, line)
    }
  }

  return {
    counts,
    async score(query, pointers) {
      const prompts = pointers.map((ids) => ({
        demonstrations: ids.map((id) => example(id, query.id)),
        query,
      }))
      const keys = prompts.map(({ demonstrations }) =>
        measurementKey(meta.protocol.hash, query, demonstrations),
      )
      if (!keys.every((key) => journal.has(key))) await ask(prompts, keys)
      return keys.map((key) => {
        const line = journal.get(key) as ScoreLine | undefined
        return line && { logProb: line.log_prob, tokens: line.tokens }
      })
    },
  }
}

function checked({ logProb, tokens }: GroundTruthScore, prompt: ExamplePrompt): GroundTruthScore {
  if (logProb <= 1e-6 && Number.isFinite(logProb) && Number.isInteger(tokens) && tokens >= 1) {
    return { logProb, tokens }
  }
  throw new Error(
    `rl-generate: the score of ${describe(prompt)} is ${logProb} over ${tokens} tokens, no log-probability`,
  )
}

function refusal(prompt: ExamplePrompt, why: string): InputError {
  return new InputError(
    `rl-generate: ${describe(prompt)} could not be scored: ${why}; repair it and run the same command again, or leave such sequences out with --no-strict`,
  )
}

function idsOf({ demonstrations }: ExamplePrompt): number[] {
  return demonstrations.map(({ id }) => id)
}

function describe(prompt: ExamplePrompt): string {
  return `query ${prompt.query.id} with demonstrations [${idsOf(prompt).join(', ')}]`
}
