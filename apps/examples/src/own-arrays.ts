import { train } from '@lever/grpo-trainer'
import { createModel, openPolicy } from '@lever/pointer-model'
import { groupOf } from '@lever/rl-dataset'

// Yours: embeddings [M, D], and the score of a model when an example is shown with a question. Here things are of 8 kinds.
const [M, D] = [48, 16]
const rows = Array.from({ length: M }, (_, i) =>
  Array.from({ length: D }, (_, d) => Math.sin((1 + (i % 8)) * (1 + d))),
)
const embeddings = { data: Float32Array.from(rows.flat()), dim: D }
const score = (question: number, example: number): number => (question % 8 === example % 8 ? 1 : 0)

// Every question with its pool, and what each candidate earned alone; `pointers` is for sequences of several.
const groups = rows.map((_, queryRow) => {
  const poolRows = Array.from({ length: 8 }, (_, i) => (queryRow + 1 + i) % M)
  return groupOf({ queryRow, poolRows, rewards: poolRows.map((example) => score(queryRow, example)) })
})

const model = createModel({ architecture: 'mlp-cross-attention', settings: { dim: D, hidden: 32 }, seed: 0 })
const data = { groups: groups.slice(0, 40), validation: groups.slice(40), embeddings }
const training = train({ model, data, phases: [{ objective: 'listwise', epochs: 30, learningRate: 3e-3 }] })
let step = await training.next() // events say how far it is; the last value is the result
while (step.done !== true) step = await training.next()

const policy = await openPolicy(step.value.best.model)
const pool = [12, 13, 14, 19]
const [chosen] = await policy.greedy({ queries: embeddings, items: [{ row: 3, pool }] }, { shots: 1 })
console.log(`for question 3 the policy shows example ${pool[chosen!.pointer[0]!]} of ${pool.join(', ')}`)
await policy.close()
