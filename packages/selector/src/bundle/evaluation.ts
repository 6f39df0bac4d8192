import { join } from 'node:path'
import { exists, InputError, readJson } from '@lever/durable-files'
import { resultsOf, type Summary } from '@lever/icl-eval'
import type { BundledEvaluation } from './manifest.ts'

/**
 * What a run directory of an evaluation found, and for which answers.
 * @throws InputError if it holds no results
 */
export async function readEvaluation(run: string): Promise<BundledEvaluation> {
  const [results, manifest] = [join(run, 'results.json'), join(run, 'manifest.json')]
  for (const file of [results, manifest]) {
    if (await exists(file)) continue
    throw new InputError(`selector: ${run} is not the run directory of an evaluation: it has no ${file}`)
  }
  const { evaluated } = (await readJson(manifest)) as {
    evaluated?: { protocol?: Readonly<Record<string, string>> }
  }
  const { table } = resultsOf((await readJson(results)) as Summary)
  return {
    protocol: evaluated?.protocol ?? null,
    lines: table.map(({ selector, shots, accuracy, ci, n }) => ({ selector, shots, accuracy, ci, n })),
  }
}
