import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, list, number, numbers, text } from '../options.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { inputOptions } from '../pipeline/inputs/inputs.ts'
import { modelOptions } from '../pipeline/model/model.ts'
import { policiesOptions, staticOptions } from '../pipeline/evaluate/options.ts'
import { runEvaluate } from '../pipeline/evaluate/run-evaluate.ts'
import { runOffline } from '../pipeline/evaluate/run-offline.ts'

const SELECTORS = ['zero-shot', 'random', 'similarity-image', 'similarity-text', 'similarity-both', 'oracle']

export const evaluate: Command = defineCommand({
  describe:
    'Accuracy at 0..K shots of ways to choose demonstrations, with intervals. Answers are kept: run again, it continues, and a selector added later costs its own prompts only.',
  example:
    'lever evaluate --dataset world/test --pool-dataset world/train --embeddings test.safetensors \\\n    --pool-embeddings train.safetensors --policies pointer-rce=runs/train/checkpoints/best.safetensors --out runs/evaluate',
  options: {
    ...inputOptions,
    ...modelOptions,
    out: text('run directory', { required: true, aliases: ['output-dir'] }),
    selectors: list(
      'ways to choose: zero-shot, majority-vote, copy-nearest, random, static-best, bm25, similarity-image, similarity-text, similarity-both, mmices, mmr, k-means, worst, oracle, reversed:NAME, shuffled:NAME; all for every one that is possible',
      {
        shown: SELECTORS.join(' '),
      },
    ),
    ...policiesOptions,
    shots: numbers('numbers of demonstrations', {
      default: [0, 1, 2, 3, 4],
      min: 0,
      whole: true,
      aliases: ['shot-num-list'],
    }),
    seeds: number('seeds of the selectors that draw', { default: 5, min: 1, whole: true }),
    'oracle-budget': number('sequences measured per question for the oracle at 2 shots and more', {
      default: 48,
      min: 0,
      whole: true,
    }),
    resamples: number('bootstrap resamples of the intervals', { default: 10_000, min: 100, whole: true }),
    ...staticOptions,
    strict: flag('stop at an answer that failed', { default: true }),
    'allow-fallback': flag('score by string match where a question has fewer than four answers'),
    'allow-protocol-mismatch': flag('evaluate policies under another protocol than that of their data'),
    'batch-size': number('prompts per call of the model', { default: 1024, min: 1, whole: true }),
    'from-rl-data': text(
      'RL data: evaluate on its measured pointers alone, without a model; methods is a selector too (a row per proposal method)',
    ),
    match: choice(
      'with --from-rl-data: a choice counts when this very pointer was measured, or its examples in any order',
      ['ordered', 'set'],
      { default: 'ordered' },
    ),
    seed: number('seed of pools, draws and intervals', { default: 0, min: 0, whole: true }),
  },
  async run(options, context) {
    const { fromRlData, selectors = SELECTORS } = options
    const { comparisonsOf, renderCoverage, renderText, resultsOf } = await import('@lever/icl-eval')
    const places = placesOf(options)
    const written = (out: string): string =>
      `run directory: ${out} (report.html, results.json, per-question.jsonl)`
    if (fromRlData !== undefined) {
      const offline = await runOffline({ ...options, ...places, rlData: fromRlData }, context)
      const { summary, coverage, out } = offline
      return {
        json: { ...resultsOf(summary), comparisons: comparisonsOf(summary), coverage, out },
        text: [renderText(summary).trimEnd(), renderCoverage(coverage), written(out)].join('\n\n'),
      }
    }
    const evaluated = await runEvaluate({ ...options, ...places, selectors }, context)
    const { summary, leakage, out } = evaluated
    const { questions, oracle, detectable } = summary
    return {
      json: {
        ...resultsOf(summary),
        comparisons: comparisonsOf(summary),
        questions,
        oracle,
        detectable,
        leakage,
        out,
      },
      text: `${renderText(summary)}\n${written(out)}`,
    }
  },
})
