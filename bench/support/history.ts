import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { writeFileAtomic } from '@lever/durable-files'

/** A run of benches: what was measured, of which commit and where. */
export interface BenchRun {
  /** ISO 8601 */
  readonly at: string
  readonly commit: string
  readonly node: string
  readonly processor: string
  readonly cores: number
  /** Mean number of programs that wanted a core in the last minute, at the end: figures of a busy machine say little. */
  readonly load: number
  /** What `run()` returned, by name of the bench. */
  readonly figures: Readonly<Record<string, unknown>>
}

/** Appends a run to a JSON list of them; a file that does not exist is begun. */
export async function appendHistory(path: string, figures: BenchRun['figures']): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '[]'
    throw error
  })
  const runs = JSON.parse(text) as BenchRun[]
  const run: BenchRun = {
    at: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
    node: process.version,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    load: loadavg()[0]!,
    figures,
  }
  await writeFileAtomic(path, `${JSON.stringify([...runs, run], null, 2)}\n`)
}
