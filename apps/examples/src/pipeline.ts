import { hashFile } from '@lever/durable-files'
import { loadTraining, PRESETS, train } from '@lever/grpo-trainer'
import { evaluateRun, policySelector, type EvaluatedDataset, type Summary } from '@lever/icl-eval'
import { byIds, createModel, openPolicy, readCheckpoint } from '@lever/pointer-model'
import { buildPools, generateRlData } from '@lever/rl-generate'
import { MODEL, WORLD } from '@lever/shapes-vqa'
import { readEmbeddings, writeEmbeddings, type Embeddings } from '@lever/tensor-files'
import { readDataset } from '@lever/vqa-dataset'
import { officialScore } from '@lever/vqa-eval'
import { answerWith, embedExamples, makeThumbnail, openEmbedder, openVqaModel } from '@lever/vqa-model'

/** A split of the bundled world; for data of your own, the paths of its files. */
async function open(split: string) {
  const [folder, images] = [`${WORLD}/${split}`, `${WORLD}/images`]
  const files = { questions: `${folder}/questions.json`, annotations: `${folder}/annotations.json`, images }
  return { ...(await readDataset(files)), files }
}

/** From a dataset to a report, in `out`; interrupted and called again, it continues. The accuracies of the test questions. */
export async function pipeline(
  out: string,
  questions: { readonly train: number; readonly test: number },
  epochs: number,
): Promise<Summary> {
  const [pool, test] = [await open('train'), await open('test')]
  const [learn, ask] = [pool.examples.slice(0, questions.train), test.examples.slice(0, questions.test)]
  const model = await openVqaModel({ backend: 'onnx', model: MODEL, workers: 2 })
  const embedder = await openEmbedder({ model: MODEL })
  const asking = { model, answer: answerWith(model), score: officialScore(), batchSize: 1024, seed: 0 }

  // Embeddings: what the policy reads, and what similarity means.
  const embed = async ({ examples, hash: source }: EvaluatedDataset, file: string): Promise<Embeddings> => {
    await writeEmbeddings(file, await embedExamples(embedder, examples, { source }))
    return readEmbeddings(file)
  }
  const candidates = await embed(pool, `${out}/pool.safetensors`)
  const queries = await embed(test, `${out}/test.safetensors`)
  const poolsOf = (asked: typeof learn, rows: Embeddings) => {
    const features = { both: { queries: rows, candidates } }
    return buildPools({ queries: asked, candidates: pool.examples, method: 'both-similar', features })
  }

  // The 64 most similar solved examples for every question, pointers into them, and what each of them earns: the official accuracy.
  const { rlData } = await generateRlData({
    ...{ ...asking, out: `${out}/rewards`, dataset: pool, inputs: { dataset: pool.hash }, version: '1' },
    ...{ queries: learn, candidates: pool.examples, shots: 2, size: 24 },
    pools: await poolsOf(learn, candidates),
    features: { both: { queries: candidates, candidates } },
    mix: [{ method: 'retrieval', count: 18 }],
  })

  // A pointer network that learns from the rewards what to choose; the best epoch by held-back images.
  const files = { rlData: [rlData!], embeddings: `${out}/pool.safetensors` }
  const { data, dim, info } = await loadTraining({ ...files, rewards: {}, validation: 0.1, seed: 0 })
  const { architecture, settings, phases: recipe } = PRESETS.recommended
  const start = createModel({ architecture, settings: { dim, ...settings }, seed: 0 })
  const phases = recipe.map((phase) => ({ ...phase, epochs }))
  for await (const event of train({ model: start, data, phases, info, output: `${out}/policy` }))
    if (event.type === 'warning') console.warn(event.message)

  // Does the choice help, on questions about other images?
  const file = `${out}/policy/checkpoints/best.safetensors`
  const policy = await openPolicy((await readCheckpoint(file)).model)
  const selectors = [policySelector({ policy: byIds(policy, { queries, candidates }) })]
  const { summary } = await evaluateRun({
    ...{ ...asking, out: `${out}/evaluation`, dataset: test, pool, queries: ask, shots: [1, 2], seeds: 5 },
    pools: await poolsOf(ask, queries),
    embeddings: { both: { queries, candidates } },
    selectors: ['random', 'rices-both', 'mmr'],
    policies: [{ name: 'pointer', file, hash: await hashFile(file), selectors }],
    trainedOn: { examples: learn, files: files.rlData, unknown: [] },
    report: { thumbnail: makeThumbnail },
  })
  await Promise.all([policy.close(), model.close(), embedder.close()])
  return summary
}
