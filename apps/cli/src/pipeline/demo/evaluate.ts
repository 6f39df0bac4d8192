import { join } from 'node:path'
import { hashFile } from '@lever/durable-files'
import type { EvaluationRecord } from '@lever/icl-eval'
import { RL_DATA_FILES } from '@lever/rl-dataset'
import type { Pools } from '@lever/rl-generate'
import { officialScore } from '@lever/vqa-eval'
import type { VqaModel } from '@lever/vqa-model'
import { BUNDLED } from '../../files.ts'
import { reportingTo } from '../evaluate/events.ts'
import { evaluatedDataset } from '../evaluate/run-evaluate.ts'
import { pairsOf } from '../inputs/features.ts'
import type { Demo, Side } from './sides.ts'
import { checkpointFile, featuresOf, poolsOf } from './sides.ts'

/** The table: every baseline and policy on the test questions, and the oracle. */
export async function evaluatePolicies(demo: Demo): Promise<void> {
  const { recipe, seed, run, library, test, context } = demo
  const {
    evaluateAll,
    lookUpEmbeddings,
    measuredStatic,
    policySelector,
    poolsOfExamples,
    recordRead,
    resolveSelectors,
    saveEvaluation,
  } = await import('@lever/icl-eval')
  const { answerWith } = await import('@lever/vqa-model')
  const { shots, seeds, oracleBudget, selectors } = recipe.evaluate
  const features = await featuresOf(demo, 'test')
  const { byIds, openPolicy, readCheckpoint } = await import('@lever/pointer-model')
  const policies = await Promise.all(
    recipe.policies.map(async (policy) =>
      openPolicy((await readCheckpoint(run.file(checkpointFile(policy)))).model),
    ),
  )
  try {
    const named = policies.map((policy, i) =>
      policySelector({ name: recipe.policies[i]!.name, policy: byIds(policy, features) }),
    )
    const measured = await measuredStatic({
      files: [run.file(RL_DATA_FILES.data)],
      queries: test.queries,
      shots: Math.max(...shots),
    })
    const model = await demo.model()
    const pools = await poolsOf(demo, test, features)
    const hashes = await Promise.all(
      recipe.policies.map(async (policy) => [policy.name, await hashFile(run.file(checkpointFile(policy)))]),
    )
    await recordRead(run, {
      split: test.dataset.split,
      data: test.dataset.hash,
      questions: test.queries.length,
      selectors: [...selectors, 'oracle'],
      policies: Object.fromEntries(hashes) as Record<string, string>,
      shots,
      seeds,
    })
    const evaluated = await evaluateAll({
      queries: test.queries,
      pools: poolsOfExamples(pools.byQuery, library.dataset.examples),
      library: library.dataset.examples,
      selectors: [...resolveSelectors(selectors, { sets: measured.effects }), ...named],
      answer: answerWith(model),
      score: officialScore(),
      protocol: model.protocolHash,
      data: `${test.dataset.hash} ${library.dataset.hash}`,
      embeddings: lookUpEmbeddings(await pairsOf(features)),
      split: { names: recipe.policies.map(({ name }) => name), seeds: [seed] },
      oracle: true,
      oracleBudget,
      shots,
      seeds: Array.from({ length: seeds }, (_, i) => seed + i),
      journal: run.file('answers.jsonl'),
      strict: true,
      batchSize: recipe.batchSize,
      seed,
      ...reportingTo(context),
    })
    await saveEvaluation(run, evaluated)
    await run.update({ evaluated: { ...(await recordOf(demo, pools, model)), static: measured.record } })
  } finally {
    for (const policy of policies) await policy.close()
  }
}

async function recordOf(
  { recipe, library, train, test }: Demo,
  made: Pools,
  model: VqaModel,
): Promise<EvaluationRecord> {
  const { datasetRecord, findLeakage, leakageRecord, poolsOfExamples, poolText, protocolRecord } =
    await import('@lever/icl-eval')
  const pools = poolsOfExamples(made.byQuery, library.dataset.examples)
  const leakage = findLeakage({ queries: test.queries, pools, training: train.queries })
  const record = async ({ name, dataset }: Side): Promise<EvaluationRecord['dataset']> =>
    datasetRecord(await evaluatedDataset(dataset, { dataset: join(BUNDLED, recipe.world[name]) }))
  return {
    dataset: await record(test),
    pool: await record(library),
    pools: poolText(made),
    focus: recipe.policies.at(-1)!.name,
    protocol: protocolRecord(model),
    leakage: leakageRecord(leakage),
  }
}
