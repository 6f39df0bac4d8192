import { mkdir } from 'node:fs/promises'
import { renderText } from '@lever/icl-eval'
import { pipeline } from './pipeline.ts'

const [out = 'runs/example'] = process.argv.slice(2)
await mkdir(out, { recursive: true })
console.log(renderText(await pipeline(out, { train: 300, test: 300 }, 15)))
console.log(`report: ${out}/evaluation/report.html`)
