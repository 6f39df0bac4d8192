// The two ends of a queue in processes of their own, for tests that kill them:
//   node queue-child.mjs submit URL JOURNAL
//   node queue-child.mjs work URL LOCK_MS ANSWER_MS [SALT [MOST_JOBS]]
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildPools, proposePointers } from '@lever/rl-generate'
import { measureByQueue, runQueueWorker } from '@lever/rl-generate/queue'

const [role, url, ...rest] = process.argv.slice(2)
const protocol = { hash: 'queue-child', model: 'toy' }
const interrupt = new AbortController()
process.on('SIGINT', () => interrupt.abort(new Error('interrupted')))
const onNotice = (line) => console.log(`notice ${line}`)

async function submit([journal]) {
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
  const run = measureByQueue({
    queue: { url, sweepEvery: 200, onNotice },
    queries,
    candidates: examples,
    async propose(batch) {
      const asked = batch.map(({ id }) => ({ queryId: id, poolIds: byQuery.get(id) }))
      const groups = await proposePointers({ queries: asked, shots: 2, mix: [], size: 12, seed: 1 })
      return groups.map((proposals, i) => ({ poolIds: asked[i].poolIds, proposals }))
    },
    score: (text) => ({ accuracy: text === 'yes' ? 1 : 0, mode: 'file' }),
    journal,
    meta: { protocol, shot_num: 2 },
    batchSize: 6,
    concurrency: 16,
    syncEvery: 16,
    progressEvery: 0,
    signal: interrupt.signal,
  })
  for await (const event of run) {
    if (event.type === 'start') console.log(`start ${event.resumed} ${event.adopted}`)
    if (event.type === 'progress') console.log(`outcomes ${event.outcomes}`)
    if (event.type === 'done') console.log(`done ${JSON.stringify(event.statistics)}`)
  }
}

async function work([lockMs, answerMs, salt = '', most = Infinity]) {
  const report = await runQueueWorker({
    url,
    protocol,
    lockMs: Number(lockMs),
    signal: interrupt.signal,
    onNotice,
    onJob({ jobs }) {
      console.log(`jobs ${jobs}`)
      if (jobs >= Number(most)) interrupt.abort(new Error('interrupted'))
    },
    async answer(prompts) {
      console.log('begin')
      await sleep(Number(answerMs))
      return prompts.map(({ key }) => ({
        text: createHash('sha256').update(`${key}${salt}`).digest()[0] % 3 === 0 ? 'yes' : 'no',
      }))
    },
  })
  console.log(`done ${JSON.stringify(report)}`)
}

try {
  await (role === 'submit' ? submit(rest) : work(rest))
} catch (error) {
  console.log(`error ${error.message}`)
  process.exitCode = error.code === 'LEVER_INPUT' ? 2 : 1
}
