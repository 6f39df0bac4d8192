import { exists } from './files.ts'
import { hashFile } from './hash.ts'
import type { RunDirectory } from './run-directory.ts'

/** A finished stage, as the manifest of its run keeps it. */
export interface StageRecord {
  /** Wall time, over all runs that worked on it. */
  readonly seconds: number
  /** Files that it made, by name inside the run directory, with their SHA-256. */
  readonly files: Readonly<Record<string, string>>
}

/**
 * Does a stage, unless the manifest says that it is done and its files are still what it made.
 * @returns whether it was done now
 */
export async function runStage(
  run: RunDirectory,
  name: string,
  files: readonly string[],
  work: () => Promise<void>,
): Promise<boolean> {
  const records = stagesOf(run)
  const known = records[name]
  if (known !== undefined && (await unchanged(run, files, known))) return false
  const started = performance.now()
  const before = partlyDone(run)[name] ?? 0
  const spent = (): number => before + (performance.now() - started) / 1000
  try {
    await work()
  } catch (error) {
    await run.update({ unfinished: { ...partlyDone(run), [name]: round(spent()) } }).catch(() => undefined)
    throw error
  }
  const hashes: Record<string, string> = {}
  for (const file of files) hashes[file] = await hashFile(run.file(file))
  const record: StageRecord = { seconds: round(spent()), files: hashes }
  await run.update({ stages: { ...stagesOf(run), [name]: record } })
  return true
}

/** Finished stages in the order in which they were done. */
function stagesOf(run: RunDirectory): Record<string, StageRecord> {
  return (run.manifest['stages'] ?? {}) as Record<string, StageRecord>
}

function partlyDone(run: RunDirectory): Record<string, number> {
  return (run.manifest['unfinished'] ?? {}) as Record<string, number>
}

async function unchanged(
  run: RunDirectory,
  files: readonly string[],
  { files: known }: StageRecord,
): Promise<boolean> {
  for (const file of files) {
    if (!(await exists(run.file(file))) || (await hashFile(run.file(file))) !== known[file]) return false
  }
  return true
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100
}
