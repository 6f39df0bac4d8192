import { writeFileAtomic } from '@lever/durable-files'
import { PRESETS, train } from '@lever/grpo-trainer'
import { evaluateSelectors, lookUpEmbeddings, pointer, random } from '@lever/icl-eval'
import { renderReport, similarityBoth, summarize, type Summary } from '@lever/icl-eval'
import { createModel, openPolicy } from '@lever/pointer-model'
import { buildGroups, splitByImage } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { buildPools, measureRewards, proposePointers, similarityOf } from '@lever/rl-generate'
import { embedExamples, openEmbedder, openVqaModel } from '@lever/vqa-model'
import {
  finish,
  openWorld,
  policyChoice,
  promptOf,
  scoreOf,
  tableOf,
  type Asked,
  type Questions,
} from './world.ts'

/** From a dataset to a report, in `out`; interrupted and called again, it continues. The accuracies of the test questions. */
export async function pipeline(out: string, questions: Questions, epochs: number): Promise<Summary> {
  const { candidates, train: learn, test, folder } = await openWorld(questions)
  const model = await openVqaModel({ backend: 'onnx', model: folder, workers: 2 })
  const embedder = await openEmbedder({ model: folder })
  const answer = (prompts: readonly Asked[]) => model.answer(prompts.map(promptOf))

  // Embeddings: what the policy reads, and what similarity means.
  const pool = tableOf(await embedExamples(embedder, candidates))
  const asked = tableOf(await embedExamples(embedder, test))

  // A pool of 64 solved examples for every question; pointers into it, by similarity and at random.
  const pools = (await buildPools({ queries: learn, candidates })).byQuery
  const similarities = { both: similarityOf({ queries: pool, candidates: pool }) }
  const propose = async (queries: readonly { id: number }[]) => {
    const batch = queries.map(({ id }) => ({ queryId: id, poolIds: pools.get(id)! }))
    const mix = [{ method: 'retrieval' as const, count: 18 }]
    const pointers = await proposePointers({ queries: batch, shots: 2, mix, size: 24, similarities })
    return pointers.map((proposals, i) => ({ poolIds: batch[i]!.poolIds, proposals }))
  }

  // What every pointer earns: the official accuracy of the model's answer.
  const journal = `${out}/rl-data.jsonl`
  const meta = { protocol: { hash: model.protocolHash }, shot_num: 2, pool_size: 64 }
  const [queries, score, batches] = [learn, scoreOf, { batchSize: 1024, imageBudget: Infinity }]
  await finish(measureRewards({ queries, candidates, propose, answer, score, journal, meta, ...batches }))

  // A pointer network that learns from the rewards what to choose; the best epoch by held-back images.
  const { groups } = buildGroups(await readRlData(journal), { ...pool, rows: pool.ids.length })
  const { train: own, validation } = splitByImage(groups, { seed: 0, validation: 0.1 })
  const { architecture, settings, phases: recipe } = PRESETS.recommended
  const start = createModel({ architecture, settings: { dim: pool.dim, ...settings }, seed: 0 })
  const phases = recipe.map((phase) => ({ ...phase, epochs }))
  const data = { groups: own, validation, embeddings: pool }
  const { best } = await finish(train({ model: start, data, phases, output: out }))

  // Does the choice help, on questions about other images?
  const policy = await openPolicy(best.model)
  const { byQuery } = await buildPools({ queries: test, candidates })
  const examples = new Map(candidates.map((example) => [example.id, example]))
  const { rows } = await evaluateSelectors({
    queries: test,
    pools: new Map(test.map(({ id }) => [id, byQuery.get(id)!.map((one) => examples.get(one)!)])),
    selectors: [random(), similarityBoth(), pointer({ select: policyChoice(policy, asked, pool) })],
    shots: [1, 2],
    embeddings: lookUpEmbeddings({ both: { queries: asked, candidates: pool } }),
    answer,
    score,
  })
  const summary = summarize(rows)
  const page = renderReport({ title: 'A first policy', runs: [{ name: 'example', summary, rows }] })
  await writeFileAtomic(`${out}/report.html`, page)
  await Promise.all([policy.close(), model.close(), embedder.close()])
  return summary
}
