import { fileURLToPath } from 'node:url'
import { openPolicy, readCheckpoint } from '@lever/pointer-model'
import { readSafetensors } from '@lever/tensor-files'

// A checkpoint of the Python original, and what Python computed with it. `.pt`, `.pth` and Lightning's `.ckpt` are read as
// data: no code in them runs.
const folder = fileURLToPath(new URL('../../../fixtures/golden/pointer-model/', import.meta.url))
const [file = `${folder}small-1layer.pt`] = process.argv.slice(2)

// The shapes say everything but the number of attention heads: `{ settings: { heads: 2 } }` where it is not 1.
const { model, info, ignored } = await readCheckpoint(file)
const { dim, ...sizes } = model.config
console.log(`${model.architecture}, embeddings of ${dim}, ${JSON.stringify(sizes)}`)
console.log(
  `phase ${info.phase ?? 'unknown'}, ${model.parameters.size} tensors, ${ignored.length} of other modules`,
)

// Three questions with eight candidates each; what both choose must be the same.
const { tensors } = await readSafetensors(`${folder}small-1layer.expected.safetensors`)
const rows = (name: string): { data: Float32Array; dim: number } => ({
  data: tensors.get(name)!.data as Float32Array,
  dim: 32,
})
const [B, N, K] = [3, 8, 2]
const items = Array.from({ length: B }, (_, row) => ({
  row,
  pool: Array.from({ length: N }, (_, i) => row * N + i),
}))
const policy = await openPolicy(model)
const chosen = await policy.greedy(
  { queries: rows('query_emb'), candidates: rows('cand_emb'), items },
  { shots: K },
)
const python = tensors.get('greedy_predictions')!.data
for (const [i, { pointer }] of chosen.entries())
  console.log(
    `question ${i}: candidates ${pointer.join(', ')}, in Python ${python.slice(i * K, (i + 1) * K).join(', ')}`,
  )
await policy.close()
