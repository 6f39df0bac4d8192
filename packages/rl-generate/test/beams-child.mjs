// Beams in a process of its own, for a test that kills it: node beams-child.mjs FOLDER
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildPools, growBeams, writeBeams } from '@lever/rl-generate'

const [folder = ''] = process.argv.slice(2)
const candidates = Array.from({ length: 60 }, (_, id) => ({
  id,
  questionId: id,
  imageId: id,
  image: `/images/${id}.png`,
  question: `Question ${id}?`,
  answers: ['yes'],
  answer: 'yes',
}))
const queries = candidates.slice(0, 20)
const { byQuery: pools } = await buildPools({ queries, candidates, size: 16, seed: 1 })
const meta = { protocol: { hash: 'child' }, shot_num: 2 }

const events = growBeams({
  queries,
  candidates,
  pools,
  meta,
  journal: `${folder}/beams.jsonl`,
  async scoreGroundTruth(prompts) {
    await sleep(3 + Math.random() * 6)
    return prompts.map(({ demonstrations, query }) => {
      const text = [...demonstrations, query].map(({ id }) => id).join()
      const noise = prompts.length * 1e-10
      return { logProb: -createHash('sha256').update(text).digest()[0] / 16 - noise, tokens: 2 }
    })
  },
  infoScore: (after, before) => Math.exp(after.logProb / 2) - Math.exp(before.logProb / 2),
  syncEvery: 64,
})
for await (const event of events) {
  if (event.type === 'start') console.log(`start ${event.resumed}`)
  if (event.type === 'progress') console.log(`anchors ${event.anchorsDone}`)
  if (event.type === 'done') await writeBeams(`${folder}/beams.json`, event.beams, meta)
}
console.log('done')
