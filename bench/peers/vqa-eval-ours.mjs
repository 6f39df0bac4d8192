// node vqa-eval-ours.mjs ANNOTATIONS QUESTIONS RESULTS: the same work in the layout of the other peers.
import { scoreFiles } from '@lever/vqa-eval/node'

const [annotations, questions, results] = process.argv.slice(2)
const start = performance.now()
const { evaluation } = await scoreFiles({ annotations, questions, results })
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage()
const cpuSeconds = (user + system) / 1e6
const rssKiB = process.resourceUsage().maxRSS
console.log(JSON.stringify({ overall: evaluation.overall, n: evaluation.n, seconds, cpuSeconds, rssKiB }))
