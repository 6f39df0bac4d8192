import type { Summary } from '@lever/icl-eval'
import type { Command } from '../command.ts'
import { CONTINUES, defineCommand } from '../command.ts'
import { datasetOptions, poolDatasetOptions, poolOptions, skipImagesOption } from '../options/data.ts'
import {
  expectedOptions,
  offlineOptions,
  oracleOptions,
  policiesOptions,
  staticOptions,
} from '../options/evaluation.ts'
import { modelOptions } from '../options/model.ts'
import { placesOf } from '../pipeline/inputs/dataset.ts'
import { runEvaluate } from '../pipeline/evaluate/run-evaluate.ts'
import { runOffline } from '../pipeline/evaluate/run-offline.ts'

const SELECTORS = ['baselines', 'oracle']

/** Says which selectors there are: the names of the table as they are typed. */
async function aboutSelectors(): Promise<string> {
  const { SELECTOR_NAMES, SELECTORS } = await import('@lever/icl-eval')
  const names = SELECTOR_NAMES.filter((name) => !SELECTORS[name].requires.includes('select')).map((name) =>
    SELECTORS[name].requires.includes('of') ? `${name}:NAME` : name,
  )
  return `selectors to compare: ${names.join(', ')}; those that need no training choose from the whole library, as pool:NAME from the pool; baselines for all of these, all for every one that the inputs support`
}

export const evaluate: Command = defineCommand({
  describe:
    'Measures the accuracy of selectors and policies at 0..K shots, with intervals. Answers are kept: run again, the command continues, and a selector added later costs only its own prompts.',
  example:
    'lever evaluate --dataset world/test --pool-dataset world/train \\\n    --embeddings test.safetensors --pool-embeddings train.safetensors \\\n    --policies rce=runs/train/checkpoints/best.safetensors --out runs/evaluate',
  options: async () => ({
    Data: { ...datasetOptions, ...skipImagesOption, ...poolDatasetOptions, ...poolOptions },
    Model: {
      ...modelOptions,
      batchSize: {
        type: 'number',
        about: 'prompts per call of the model',
        default: 1024,
        min: 1,
        whole: true,
      },
    },
    Evaluation: {
      selectors: { type: 'list', about: await aboutSelectors(), unset: SELECTORS.join(' ') },
      ...policiesOptions,
      shots: {
        type: 'numbers',
        about: 'numbers of demonstrations to evaluate at',
        default: [0, 1, 2, 3, 4],
        min: 0,
        whole: true,
        aliases: ['shot-num-list'],
      },
      seeds: {
        type: 'number',
        about: 'number of seeds for selectors that draw',
        default: 5,
        min: 1,
        whole: true,
      },
      ...oracleOptions,
      resamples: {
        type: 'number',
        about: 'bootstrap resamples for the intervals',
        default: 10_000,
        min: 100,
        whole: true,
      },
      splitGain: {
        type: 'number',
        about:
          'how often the choices of every policy are shuffled over the questions, which splits its gain into that for any question and that of choosing; each costs as many prompts as the policy',
        default: 1,
        min: 0,
        whole: true,
      },
      ...expectedOptions,
      ...staticOptions,
      strict: { type: 'flag', about: 'stop at an answer that failed', default: true },
      allowFallback: {
        type: 'flag',
        about: 'score by string match where a question has fewer than four answers',
      },
      allowProtocolMismatch: {
        type: 'flag',
        about: 'evaluate policies under another protocol than that of their training data',
      },
      ...offlineOptions,
    },
    Output: { out: { type: 'text', about: 'run directory', required: true, aliases: ['output-dir'] } },
    General: {
      seed: {
        type: 'number',
        about: 'seed of pools, draws and intervals',
        default: 0,
        min: 0,
        whole: true,
      },
    },
  }),
  interrupted: ({ fromRlData }) => (fromRlData === undefined ? CONTINUES : undefined),
  async run(options, context) {
    const { fromRlData, selectors = SELECTORS } = options
    const { comparisonsOf, renderCoverage, renderText, resultsOf, splitOf } = await import('@lever/icl-eval')
    const expectedOf = ({ expected }: Summary): object =>
      expected === undefined ? {} : { expectedComparisons: comparisonsOf(expected) }
    const places = placesOf(options)
    const written = (out: string): string =>
      `run directory: ${out} (report.html, results.json, per-question.jsonl)`
    if (fromRlData !== undefined) {
      const offline = await runOffline({ ...options, ...places, rlData: fromRlData }, context)
      const { summary, coverage, out } = offline
      return {
        json: {
          ...resultsOf(summary),
          comparisons: comparisonsOf(summary),
          ...expectedOf(summary),
          split: splitOf(summary),
          coverage,
          out,
        },
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
        ...expectedOf(summary),
        split: splitOf(summary),
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
