import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { fork } from 'node:child_process'
import { hashBytes, openJournal } from '@lever/durable-files'

export interface JournalFigures {
  lines: number
  fileMegabytes: number
  appendSeconds: number
  /** Opening the file again in a fresh process, keys in memory. */
  resumeSeconds: number
  resumeRssMegabytes: number
  /** The same with all values in memory. */
  resumeValuesSeconds: number
  resumeValuesRssMegabytes: number
}

interface Resumed {
  seconds: number
  rss: number
  lines: number
}

const header = { protocol: hashBytes('protocol') }

function outcome(i: number): object {
  return {
    answer: `a street ${i % 97}`,
    beam_score: -i / 7,
    method: 'beam',
    pointer: [i % 64, (i * 7) % 64, (i * 13) % 64, (i * 29) % 64],
    query_id: i,
    vqa_acc_score: (i % 4) / 3,
    vqa_eval_mode: 'file',
  }
}

/** Appends a million outcomes and resumes them: time and memory of a fresh process. */
export async function run({ lines = 1_000_000 }: { lines?: number } = {}): Promise<JournalFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'lever-bench-'))
  const path = join(folder, 'outcomes.jsonl')
  try {
    const start = performance.now()
    const journal = await openJournal<object>({ path, header, syncEvery: 10_000, keepValues: false })
    for (let i = 0; i < lines; i += 1000) {
      const batch = Array.from({ length: Math.min(1000, lines - i) }, (_, j) => i + j)
      await Promise.all(batch.map((k) => journal.append(hashBytes(String(k)), outcome(k))))
    }
    await journal.close()
    const appendSeconds = (performance.now() - start) / 1000
    const keys = await resumeInFreshProcess(path, false)
    const values = await resumeInFreshProcess(path, true)
    if (keys.lines !== lines || values.lines !== lines) throw new Error('bench: lines were lost')
    return {
      lines,
      fileMegabytes: (await stat(path)).size / 1e6,
      appendSeconds,
      resumeSeconds: keys.seconds,
      resumeRssMegabytes: keys.rss / 1e6,
      resumeValuesSeconds: values.seconds,
      resumeValuesRssMegabytes: values.rss / 1e6,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function resumeInFreshProcess(path: string, keepValues: boolean): Promise<Resumed> {
  const child = fork(fileURLToPath(import.meta.url), ['resume', path, String(keepValues)])
  return new Promise((done, fail) => {
    child.on('message', (message) => done(message as Resumed))
    child.on('error', fail)
    child.on('exit', (code) =>
      fail(new Error(`bench: the resuming process ended with ${code ?? 'a signal'}`)),
    )
  })
}

async function resume(path: string, keepValues: boolean): Promise<Resumed> {
  const start = performance.now()
  const journal = await openJournal({ path, header, keepValues })
  const seconds = (performance.now() - start) / 1000
  const rss = process.resourceUsage().maxRSS * 1024
  const { lines } = journal.resumed
  await journal.close()
  return { seconds, rss, lines }
}

const [, script, job, path = '', keepValues] = process.argv
if (script === fileURLToPath(import.meta.url)) {
  if (job === 'resume') process.send?.(await resume(path, keepValues === 'true'))
  else console.log(await run())
}
