import { hashFile, InputError } from '@lever/durable-files'
import type { Selector } from '@lever/icl-eval'
import type {
  ArchitectureName,
  CheckpointInfo,
  PointerChoice,
  Policy,
  PolicyInput,
  PointerModel,
} from '@lever/pointer-model'
import type { PolicyProposer } from '@lever/rl-generate'
import { requirePath } from '../../files.ts'
import type { Option } from '../../options.ts'
import { number, text } from '../../options.ts'
import type { EmbeddingRows } from '../inputs/embeddings.ts'

/** The options that name a policy: a checkpoint, or what a new one is like. */
export const policyOptions: {
  readonly policy: Option<string | undefined>
  readonly architecture: Option<string>
  readonly hidden: Option<number | undefined>
} = {
  policy: text('checkpoint of the policy', {
    shown: 'a new, untrained one',
    aliases: ['sft-ckpt', 'init', 'checkpoint'],
  }),
  architecture: text('architecture of a new policy', { default: 'cross-attention' }),
  hidden: number('hidden size H of a new policy', { min: 1, whole: true, shown: "the architecture's" }),
}

export interface PolicyChoice {
  readonly policy: string | undefined
  readonly architecture: string
  readonly hidden: number | undefined
}

/** A policy and what is known of it. */
export interface NamedPolicy {
  readonly model: PointerModel
  readonly info: CheckpointInfo
  /** SHA-256 of the checkpoint; null for a new policy. */
  readonly hash: string | null
}

/**
 * The model of a checkpoint, or a new one for embeddings of `dim` numbers.
 * @throws InputError for a checkpoint that is broken or made for other embeddings
 */
export async function readPolicy(
  { policy, architecture, hidden }: PolicyChoice,
  dim: number,
  seed: number,
): Promise<NamedPolicy> {
  const { ARCHITECTURE_NAMES, createModel, readCheckpoint } = await import('@lever/pointer-model')
  if (policy === undefined) {
    const name = ARCHITECTURE_NAMES.find((known) => known === architecture)
    if (name === undefined) {
      throw new InputError(
        `--architecture is "${architecture}"; give one of ${ARCHITECTURE_NAMES.join(', ')}`,
      )
    }
    const settings = { dim, ...(hidden !== undefined && { hidden }) }
    return {
      model: createModel({ architecture: name satisfies ArchitectureName, settings, seed }),
      info: { phase: 'init' },
      hash: null,
    }
  }
  await requirePath(policy, '--policy')
  const { model, info } = await readCheckpoint(policy)
  if (model.config.dim !== dim) {
    throw new InputError(
      `${policy} was trained on embeddings of ${model.config.dim} numbers, but these have ${dim}; give the embeddings that it was trained on`,
    )
  }
  return { model, info, hash: await hashFile(policy) }
}

/** Embeddings that a policy reads. */
export interface PolicyFeatures {
  readonly queries: EmbeddingRows
  readonly candidates: EmbeddingRows
}

interface Question {
  readonly queryId: number
  /** [N] ids. */
  readonly poolIds: readonly number[]
}

/** The input of a policy for questions given by ids. A query in its own pool is excluded. */
function inputFor({ queries, candidates }: PolicyFeatures): (questions: readonly Question[]) => PolicyInput {
  const queryRow = rowFinder(queries, 'query')
  const candidateRow = rowFinder(candidates, 'candidate')
  return (questions) => ({
    queries,
    candidates,
    items: questions.map(({ queryId, poolIds }) => ({
      row: queryRow(queryId),
      pool: Int32Array.from(poolIds, candidateRow),
      exclude: poolIds.flatMap((id, position) => (id === queryId ? [position] : [])),
    })),
  })
}

/** A policy as `rl-generate` asks it. */
export function proposerOf(policy: Policy, features: PolicyFeatures): PolicyProposer {
  const input = inputFor(features)
  return {
    beam: (queries, options) => policy.beam(input(queries), options),
    sample: (queries, options) => policy.sample(input(queries), options),
    logProbs: (queries, pointers) => policy.logProbs(input(queries), pointers),
  }
}

/** How a policy chooses: the likeliest next candidate, or the likeliest sequence that beam search finds. */
export type Decoding = 'greedy' | 'beam'

/** A policy as a selector. Its greedy pointer for any K begins with that for K - 1. */
export async function selectorOf(
  name: string,
  policy: Policy,
  features: PolicyFeatures,
  { decoding = 'greedy', beamSize = 5 }: { decoding?: Decoding; beamSize?: number } = {},
): Promise<Selector> {
  const { pointer } = await import('@lever/icl-eval')
  const { architectureOf } = await import('@lever/pointer-model')
  const input = inputFor(features)
  const choose = async (questions: readonly Question[], shots: number): Promise<PointerChoice[]> => {
    if (decoding === 'greedy') return policy.greedy(input(questions), { shots })
    const found = await policy.beam(input(questions), { shots, width: beamSize })
    return found.map(([best]) => best!)
  }
  const selectMany: NonNullable<Selector['selectMany']> = async (contexts, k) => {
    const questions = contexts.map(({ query, pool }) => ({
      queryId: query.id,
      poolIds: pool.map(({ id }) => id),
    }))
    const choices = await choose(questions, k)
    return choices.map((choice, i) =>
      Array.from(choice.pointer, (position) => questions[i]!.poolIds[position]!),
    )
  }
  const select = async (context: Parameters<Selector['select']>[0], k: number): Promise<readonly number[]> =>
    (await selectMany([context], k))[0]!
  const { stops = false } = architectureOf(policy.model.architecture)
  return pointer({ name, select, selectMany, nested: decoding === 'greedy', stops })
}

function rowFinder({ ids }: EmbeddingRows, name: string): (id: number) => number {
  const rows = new Map(ids.map((id, row) => [id, row]))
  return (id) => {
    const row = rows.get(id)
    if (row !== undefined) return row
    throw new InputError(
      `the ${name} embeddings have no row for example ${id}; embed the whole dataset (lever embed)`,
    )
  }
}

/** Opens the policy of a checkpoint. Close it. */
export async function policyOf(checkpoint: string): Promise<Policy> {
  const { openPolicy, readCheckpoint } = await import('@lever/pointer-model')
  return openPolicy((await readCheckpoint(checkpoint)).model)
}
