import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Manifest, StageRecord } from '@lever/durable-files'
import type { Summary } from '@lever/icl-eval'
import type { Result } from '../../command.ts'
import type { DemoSettings } from './demo.ts'
import { checkpointFile, embeddingFile } from './sides.ts'
import { RL_DATA_FILES } from '@lever/rl-dataset'

/** What a finished demo prints. */
export async function demoResult(
  path: string,
  manifest: Manifest,
  { recipe, seed }: DemoSettings,
): Promise<Result> {
  const { renderText, resultsOf } = await import('@lever/icl-eval')
  const summary = JSON.parse(await readFile(join(path, 'results.json'), 'utf8')) as Summary
  const stages = manifest['stages'] as Record<string, StageRecord>
  const policies = recipe.policies.map(({ name }) => `train ${name}`)
  const names = ['embed', 'generate', ...policies, 'evaluate', 'report']
  const times = names.map((name) => [name, stages[name]!.seconds] as const)
  const total = Math.round(100 * times.reduce((sum, [, seconds]) => sum + seconds, 0)) / 100
  const best = recipe.policies.at(-1)!
  const shown = relative('', path).startsWith('..') ? path : relative('', path)
  const embeddings = (side: 'library' | 'train'): string => join(shown, embeddingFile(side))
  const own = recipe.world.library === recipe.world.train
  const features = own
    ? `--embeddings ${embeddings('train')}`
    : `--embeddings ${embeddings('library')} --query-embeddings ${embeddings('train')}`
  return {
    json: {
      ...resultsOf(summary),
      seconds: { ...Object.fromEntries(times), total },
      questions: summary.questions,
      oracle: summary.oracle,
      seed,
      out: path,
    },
    text: [
      renderText(summary, { comparisons: 'best' }),
      `Seconds: ${times.map(([name, seconds]) => `${name} ${seconds.toFixed(1)}`).join(', ')}; in all ${total.toFixed(1)}.`,
      `Run directory: ${shown} (open report.html in a browser; results.json, per-question.jsonl, checkpoints)`,
      '',
      'What to try next:',
      `  npx lever data describe ${join(shown, RL_DATA_FILES.data)}`,
      `  npx lever train --rl-data ${join(shown, RL_DATA_FILES.data)} ${features} --preset recommended --out runs/mine`,
      `  npx lever demo ${own ? '' : '--world composition '}--seed ${seed + 1} --out runs/demo-${seed + 1}`,
      `  the policy itself: ${join(shown, checkpointFile(best))}`,
    ].join('\n'),
  }
}
