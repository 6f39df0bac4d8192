import { byIds, createModel, openPolicy } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Random } from '@lever/reward-utils'
import type { RlCandidate, RlData } from '@lever/rl-dataset'
import { defaultMix, planPointers, similarityOf } from '@lever/rl-generate'
import type { Asked, Outcome, Question, Task } from './spend-tasks.ts'

/** The prompts of a comparison: what was measured, and how many may still be. */
export interface Purse {
  readonly task: Task
  readonly seed: number
  readonly budget: number
  readonly random: Random
  /** Query id -> pointer (its ids as a text) -> what was measured. */
  readonly measured: Map<number, Map<string, Measured>>
  /** Asks what was not asked before, as far as the budget goes. */
  readonly ask: (wanted: readonly Wanted[]) => Promise<void>
  /** Outcomes of pointers that are prompts too, but no data to train on. */
  readonly probe: (asked: readonly Asked[]) => Promise<readonly (Outcome | undefined)[]>
  /** The policy trained on what was measured so far, for `use`. */
  readonly withPolicy: <T>(use: (propose: Propose) => Promise<T>) => Promise<T>
}

export interface Measured {
  readonly pointer: readonly number[]
  readonly outcome: Outcome
  readonly method: string
}
type Wanted = readonly [...Asked, method: string]

/** The pointers that a policy finds best for every question, the best first, by the ids of demonstrations. */
export type Propose = (questions: readonly Question[]) => Promise<readonly (readonly number[])[][]>

export type Scheme = (purse: Purse) => Promise<void>

const ROUNDS = 3
const BEAMS = 12

/** The ways to spend prompts that are not in the product; the first is what `lever generate` does. */
export const SCHEMES: Readonly<Record<string, Scheme>> = {
  'uniform, 24 a question': (purse) => uniform(purse, 24),
  'uniform, 12 a question': (purse) => uniform(purse, 12),
  'uniform, 6 a question': (purse) => uniform(purse, 6),
  'singles, then pairs of the best': singlesFirst,
  'successive halving': halving,
  'rounds, the same questions': (purse) => rounds(purse, { again: true, explore: 0.5 }),
  'rounds, explore a quarter': (purse) => rounds(purse, { again: true, explore: 0.25 }),
  'rounds, new questions': (purse) => rounds(purse, { again: false, explore: 0.5 }),
}

/** Runs of `lever improve` in three rounds: pointers of a question, and policies of the ensemble. */
export const IMPROVEMENTS: Readonly<Record<string, readonly [pointers: number, members: number]>> = {
  'improve, 12 a question': [12, 4],
  'improve, 24 a question': [24, 4],
  'improve, 12 a question, one policy': [12, 1],
}

/** Schemes for one demonstration, where there are no pairs to compose and no partners. */
export const SINGLE_SCHEMES = Object.keys(SCHEMES).filter((name) => !/singles|halving/.test(name))

async function uniform(purse: Purse, pointers: number): Promise<void> {
  const { questions, size } = someQuestions(purse, pointers)
  const usual = await usualPointers(purse, questions)
  await purse.ask(questions.flatMap((one, i) => wantedOf(one, usual[i]!.slice(0, size), 'mix')))
}

/** Half of the prompts for single demonstrations; pairs of the four best, and a quarter of other ones for contrast. */
async function singlesFirst(purse: Purse): Promise<void> {
  const { random, ask, probe } = purse
  const { questions, size } = someQuestions(purse, 24)
  const half = Math.floor(size / 2)
  const arms = questions.map((one) => armsOf(purse, one, half))
  const singles = questions.flatMap((one, i) => arms[i]!.map((id): Asked => [one.queryId, [id]]))
  const outcomes = await probe(singles)
  let at = 0
  const pairs = questions.flatMap((one, i) => {
    const ranked = arms[i]!.map((id) => ({ id, worth: worthOf(outcomes[at++] ?? { accuracy: 0 }) }))
      .sort((a, b) => b.worth - a.worth)
      .map(({ id }) => id)
    const best = random.shuffle(orderedPairs(ranked.slice(0, 4))).slice(0, Math.ceil(0.75 * half))
    const others = random.shuffle(orderedPairs(ranked.slice(4))).slice(0, half - best.length)
    return wantedOf(one, [...best, ...others], 'composed')
  })
  await ask(pairs)
}

/** Sixteen demonstrations in eight pairs; the better half goes on, twice; then pairs of the last four. */
async function halving(purse: Purse): Promise<void> {
  const { random, ask, measured } = purse
  const { questions, size } = someQuestions(purse, 24)
  const rung = Math.floor(size / ROUNDS)
  let arms = questions.map((one) => armsOf(purse, one, 2 * rung))
  for (let round = 0; round < ROUNDS; round++) {
    const taken = questions.map(({ queryId }) => new Set(measured.get(queryId)?.keys()))
    await ask(
      questions.flatMap((one, i) => wantedOf(one, matches(arms[i]!, rung, taken[i]!, random), 'halving')),
    )
    arms = questions.map(({ queryId }, i) => {
      const own = [...(measured.get(queryId)?.values() ?? [])]
      const worth = (id: number): number =>
        meanOf(own.filter(({ pointer }) => pointer.includes(id)).map(({ outcome }) => worthOf(outcome)))
      const ranked = arms[i]!.map((id) => ({ id, worth: worth(id) })).sort((a, b) => b.worth - a.worth)
      return ranked.slice(0, Math.max(4, Math.floor(ranked.length / 2))).map(({ id }) => id)
    })
  }
}

/** Rounds on the same or on new questions: the policy's best pointers that are not measured, and a share of usual ones. */
async function rounds(
  purse: Purse,
  { again, explore }: { readonly again: boolean; readonly explore: number },
): Promise<void> {
  const { ask, withPolicy } = purse
  const { questions, size } = someQuestions(purse, 12)
  const share = Math.ceil(questions.length / ROUNDS)
  for (let round = 0; round < ROUNDS; round++) {
    const own = again ? questions : questions.slice(round * share, (round + 1) * share)
    const count = again ? roundShare(size, round) : size
    const usual = await usualPointers(purse, own)
    if (round === 0) {
      await ask(own.flatMap((one, i) => wantedOf(one, usual[i]!.slice(0, count), 'mix')))
      continue
    }
    const explored = Math.round(explore * count)
    await withPolicy(async (propose) => {
      const best = await propose(own)
      const wanted = own.flatMap((one, i) => {
        const fresh = (pointers: readonly (readonly number[])[]): (readonly number[])[] =>
          pointers.filter((pointer) => !isMeasured(purse, one, pointer))
        const chosen = fresh(best[i]!).slice(0, count - explored)
        const keys = new Set(chosen.map(String))
        const others = fresh(usual[i]!).filter((pointer) => !keys.has(String(pointer)))
        return [
          ...wantedOf(one, chosen, 'policy'),
          ...wantedOf(one, others.slice(0, count - chosen.length), 'mix'),
        ]
      })
      await ask(wanted)
    })
  }
}

function roundShare(size: number, round: number): number {
  return Math.floor((size * (round + 1)) / ROUNDS) - Math.floor((size * round) / ROUNDS)
}

/** As many random questions as `pointers` prompts each allow; where there are fewer, more pointers of each. */
export function someQuestions(
  { task, budget, seed }: Pick<Purse, 'task' | 'budget' | 'seed'>,
  pointers: number,
): { readonly questions: readonly Question[]; readonly size: number } {
  const all = createRandom(seed, 'spend', 'questions').shuffle(task.questions)
  const most = Math.min(pointers, ...all.map(({ allowed }) => allowed?.length ?? pointers))
  const count = Math.min(all.length, Math.floor(budget / most))
  return { questions: all.slice(0, count), size: Math.floor(budget / count) }
}

/** The pointers that `lever generate` proposes, in random order: 5 beams and 4 samples of an untrained policy, 9 by similarity, 6 random. */
async function usualPointers(
  { task, seed }: Purse,
  questions: readonly Question[],
): Promise<readonly (readonly number[])[][]> {
  const shuffled = (one: Question, pointers: readonly (readonly number[])[]): (readonly number[])[] =>
    createRandom(seed, 'spend', 'order', one.queryId).shuffle(pointers)
  if (questions.every(({ allowed }) => allowed !== undefined))
    return questions.map((one) => shuffled(one, one.allowed!))
  const settings = { dim: task.tables.queries.dim }
  const policy = await openPolicy(createModel({ architecture: 'cross-attention', settings, seed }))
  try {
    const queries = questions.map(({ queryId: id }) => ({ id }))
    const byQuery = new Map(questions.map(({ queryId, poolIds }) => [queryId, poolIds]))
    const { propose } = await planPointers({
      ...{ queries, pools: { method: 'mixed', size: 0, seed, byQuery }, features: task.features },
      ...{ policy: byIds(policy, task.tables), mix: defaultMix(), shots: task.shots, size: 24, seed },
    })
    const plans = await propose(queries as never, { round: 0, known: new Map() })
    return plans.map(({ poolIds, proposals }, i) =>
      shuffled(
        questions[i]!,
        proposals.map(({ pointer }) => pointer.map((n) => poolIds[n]!)),
      ),
    )
  } finally {
    await policy.close()
  }
}

/** Demonstrations of a pool, half of them the most similar by turns of the kinds of embeddings, half random. */
function armsOf({ task, seed }: Purse, { queryId, poolIds }: Question, count: number): number[] {
  const rankings = Object.entries(task.features).map(([kind, pair]) => {
    const similarity = Array.from(similarityOf(pair, kind)(queryId, poolIds))
    return poolIds.map((_, n) => n).sort((a, b) => similarity[b]! - similarity[a]!)
  })
  const chosen = new Set<number>()
  for (let rank = 0; chosen.size < count / 2; rank++)
    for (const ranking of rankings) if (chosen.size < count / 2) chosen.add(ranking[rank]!)
  const rest = poolIds.map((_, n) => n).filter((n) => !chosen.has(n))
  const others = createRandom(seed, 'spend', 'arms', queryId).sample(rest, count - chosen.size)
  return [...chosen, ...others].map((n) => poolIds[n]!)
}

/** `count` new pairs in which every arm stands about equally often. */
function matches(
  arms: readonly number[],
  count: number,
  taken: ReadonlySet<string>,
  random: Random,
): number[][] {
  const found = new Map<string, number[]>()
  for (let turn = 0; turn < 50 && found.size < count; turn++) {
    const order = random.shuffle(arms)
    for (let i = 0; i + 1 < order.length && found.size < count; i += 2) {
      const pair = [order[i]!, order[i + 1]!]
      if (!taken.has(String(pair))) found.set(String(pair), pair)
    }
  }
  return [...found.values()]
}

function orderedPairs(ids: readonly number[]): number[][] {
  return ids.flatMap((a) => ids.filter((b) => b !== a).map((b) => [a, b]))
}

function wantedOf(
  { queryId }: Question,
  pointers: readonly (readonly number[])[],
  method: string,
): readonly Wanted[] {
  return pointers.map((pointer) => [queryId, pointer, method] as const)
}

function isMeasured(
  { measured }: Purse,
  { queryId, allowed }: Question,
  pointer: readonly number[],
): boolean {
  const possible = allowed === undefined || allowed.some((one) => String(one) === String(pointer))
  return !possible || measured.get(queryId)?.has(String(pointer)) === true
}

/** What a search within a question goes by. */
function worthOf({ accuracy, expected }: Outcome): number {
  return expected ?? accuracy
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length
}

/** How many beams a policy is asked for, so that enough are new. */
export function beamsOf(task: Task): number {
  return task.shots === 1 ? 64 : BEAMS
}

/** What was measured as RL data. */
export function rlDataOf({ task, measured }: Purse): RlData {
  const queries = task.questions
    .filter(({ queryId }) => (measured.get(queryId)?.size ?? 0) > 1)
    .map(({ queryId, poolIds, question }) => ({
      query_id: queryId,
      query: question,
      candidate_pool_ids: poolIds,
      pointer_candidates: Array.from(
        measured.get(queryId)!.values(),
        ({ pointer, outcome, method }): RlCandidate => ({
          pointer: pointer.map((id) => poolIds.indexOf(id)),
          pointer_global: pointer,
          gen_method: method,
          vqa_pred_answer: '',
          vqa_correct: outcome.accuracy > (task.correctAbove ?? 0) ? 1 : 0,
          vqa_acc_score: outcome.accuracy,
          ...(outcome.expected !== undefined && { vqa_gt_prob: outcome.expected }),
          vqa_eval_mode: 'file',
        }),
      ),
    }))
    .sort((a, b) => a.query_id - b.query_id)
  return {
    meta: { schema: 'lever-rl', schema_version: '5.0', shot_num: task.shots, protocol: { hash: task.name } },
    queries,
  }
}
