// node json-floor.mjs FILE...: JSON.parse of the files, what a reader that parses them whole cannot beat.
import { readFileSync } from 'node:fs'

const start = performance.now()
const parsed = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')))
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage()
const cpuSeconds = (user + system) / 1e6
const rssKiB = process.resourceUsage().maxRSS
console.log(JSON.stringify({ overall: null, files: parsed.length, seconds, cpuSeconds, rssKiB }))
