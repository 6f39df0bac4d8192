import { planMember, planTraining, TRAIN_SCHEMA } from '@lever/grpo-trainer'
import { byIds, createModel, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { defaultMix, improveRounds } from '@lever/rl-generate'
import { readSettings } from '@lever/settings'
import type { Example } from '@lever/vqa-dataset'
import type { Question, Task } from './spend-tasks.ts'
import { toEnd } from './training.ts'

/** Rounds of every run. */
export const ROUNDS = 3
/** Questions whose choices are measured at the end, as by default. */
const GREEDY = 60

/** A run of what `lever improve` does. */
export interface ImproveRun {
  /** Questions x pointers of each in a round x 3 rounds are the prompts. */
  readonly questions: number
  readonly size: number
  /** Policies of the ensemble. */
  readonly members: number
  readonly seed: number
  readonly out: string
}

/** What a run ended with. */
export interface ImprovedRun {
  readonly checkpoint: string
  readonly chosen: string
  readonly prompts: number
}

/**
 * `lever improve --preset recommended` on a task: `improveRounds` with the trainings of the command; the task answers in place of
 * a model. Where only some pointers of a question can be measured, the pool is of these.
 */
export async function improveTask(task: Task, run: ImproveRun): Promise<ImprovedRun> {
  const { seed, members, size, out } = run
  const questions = createRandom(seed, 'spend', 'questions').shuffle(task.questions).slice(0, run.questions)
  const pools = questions.map(({ poolIds, allowed }) => allowed?.map(([id]) => id!) ?? poolIds)
  const example = (id: number, asked?: Question): Example => ({
    ...{ id, questionId: id, imageId: asked?.question.image_id ?? id, context: 'x', question: 'q' },
    ...{ answers: ['x'], answer: 'x' },
  })
  const policy = await openPolicy(
    createModel({ architecture: 'cross-attention', settings: { dim: task.tables.queries.dim }, seed }),
  )
  const settings = { preset: 'recommended' as const, keepEpochs: false, seed, ...task.settings }
  const isExpected = task.settings['rewardMode'] === 'expected_accuracy'
  try {
    const improved = await improveRounds({
      queries: questions.map((one) => example(one.queryId, one)),
      candidates: [...new Set(pools.flat())].map((id) => example(id)),
      pools: {
        ...{ method: 'mixed', size: pools[0]!.length, seed },
        byQuery: new Map(questions.map(({ queryId }, i) => [queryId, pools[i]!])),
      },
      features: task.features,
      ...{
        shots: task.shots,
        size,
        seed,
        mix: defaultMix(),
        version: 'bench',
        training: settings,
        inputs: {},
      },
      model: { name: task.name, protocol: {}, protocolHash: task.name },
      dataset: { name: task.name, split: 'train', hash: '', examples: questions },
      policy: { proposer: byIds(policy, task.tables), facts: {} },
      async answer(prompts) {
        const outcomes = await task.measure(
          prompts.map(({ query, demonstrations }) => [query.id, demonstrations.map(({ id }) => id)]),
        )
        return outcomes.map((outcome) => ({ text: JSON.stringify(outcome) }))
      },
      score(text) {
        const { accuracy, expected } = JSON.parse(text) as { accuracy: number; expected?: number }
        return { accuracy, mode: 'file', ...(isExpected && { gtProb: expected! }) }
      },
      ...{ out, rounds: ROUNDS, members, batchSize: 512 },
      async train({ member, rlData, out: folder, measure }) {
        const given = readSettings(TRAIN_SCHEMA, { ...settings, rlData: [rlData], out: folder })
        const { checkpoint, selection } =
          member === null
            ? await toEnd({ ...planTraining(given), validateGreedy: GREEDY }, { measure })
            : await toEnd(planMember(given, member))
        return { checkpoint, chosen: selection?.name ?? 'policy' }
      },
      async openPolicy(checkpoint) {
        const opened = await openPolicy((await readCheckpoint(checkpoint)).model)
        return { proposer: byIds(opened, task.tables), facts: {}, close: () => opened.close() }
      },
    })
    const { checkpoint, chosen, rounds, validated } = improved
    return { checkpoint, chosen, prompts: rounds.at(-1)!.outcomes + validated }
  } finally {
    await policy.close()
  }
}
