// A generation in a process of its own, for tests that kill it: node child.mjs JOURNAL CONCURRENCY
import { setTimeout as sleep } from 'node:timers/promises'
import { buildPools, measureRewards, proposePointers } from '@lever/rl-generate'

const [journal = '', concurrency = '1'] = process.argv.slice(2)
const examples = Array.from({ length: 80 }, (_, id) => ({
  id,
  questionId: id,
  imageId: id,
  image: `/images/${id}.png`,
  question: `Question ${id}?`,
  answers: ['yes'],
  answer: 'yes',
}))
const queries = examples.slice(0, 50)
const { byQuery } = await buildPools({ queries, candidates: examples, size: 16, seed: 1 })

const run = measureRewards({
  queries,
  candidates: examples,
  async propose(batch) {
    const asked = batch.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id) }))
    const groups = await proposePointers({ queries: asked, shots: 2, mix: [], size: 12, seed: 1 })
    return groups.map((proposals, i) => ({ poolIds: asked[i].poolIds, proposals }))
  },
  async answer(prompts) {
    await sleep(1 + Math.random() * 4)
    return prompts.map(({ demonstrations: [a, b], query }) => ({
      text: (a.id + 2 * b.id + query.id) % 3 ? 'no' : 'yes',
    }))
  },
  score: (text) => ({ accuracy: text === 'yes' ? 1 : 0, mode: 'file' }),
  journal,
  meta: { protocol: { hash: 'child' }, shot_num: 2 },
  batchSize: 5,
  concurrency: Number(concurrency),
  syncEvery: 16,
  progressEvery: 0,
})

for await (const event of run) {
  if (event.type === 'start') console.log(`start ${event.resumed}`)
  if (event.type === 'progress') console.log(`outcomes ${event.outcomes}`)
}
console.log('done')
