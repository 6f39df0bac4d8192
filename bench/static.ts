import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  evaluateMeasured,
  measuredQueries,
  oneShotVote,
  random,
  splitOf,
  staticEffects,
  summarize,
} from '@lever/icl-eval'
import type { EvaluationRow, MeasuredQuery, SplitResult, Summary } from '@lever/icl-eval'
import { mainEffects } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { demonstrationFeatures } from '@lever/vqa-dataset'
import { mostFrequent, officialScore } from '@lever/vqa-eval'
import { ridge } from './support/ridge.ts'

const LEVER = fileURLToPath(new URL('../apps/cli/bin/lever.js', import.meta.url))
const SEEDS = [0, 1, 2]
/** The recommended preset on the expected accuracy. */
const ON_E = ['--preset', 'recommended', '--reward-mode', 'expected_accuracy']

interface Difference {
  selector: string
  against: string
  value: number
  delta: number
  ci: readonly [number, number]
  p: number
}

/** In per cent and points; by accuracy and by expected accuracy, on the same choices. */
export interface StaticFigures {
  measure: 'accuracy' | 'expected'
  random: number
  oracle: number
  differences: Difference[]
  split: SplitResult[]
}

/**
 * Demonstrations that are good for everyone, on a real model's rewards (`okvqa-lm`: train-singles to dev-singles, 96
 * queries, K = 1): `static` by main effects on E and on accuracy, the majority of five random one-shot answers, and the
 * effects that the features of a demonstration predict for demonstrations left out of the estimate, and the
 * recommended preset on E (three seeds each) without a floor, without and with a number per demonstration, and as it is
 * delivered; with the split of the gains.
 * The folder of the data is `LEVER_OKVQA_LM`; trainings in `LEVER_STATIC` (a folder) are used again.
 */
export async function run({
  data = process.env['LEVER_OKVQA_LM'] ?? '',
  folder = process.env['LEVER_STATIC'] ?? '',
}: { data?: string; folder?: string } = {}): Promise<StaticFigures[]> {
  if (data === '') throw new RangeError('bench: give the folder of okvqa-lm with LEVER_OKVQA_LM')
  const out = folder === '' ? await mkdtemp(join(tmpdir(), 'lever-static-')) : folder
  const [train, dev, embeddings] = ['train-singles.json', 'dev-singles.json', 'embeddings.safetensors'].map(
    (name) => join(data, name),
  ) as [string, string, string]
  const policies: string[] = []
  for (const seed of SEEDS) {
    for (const [name, more] of [
      ['policy', ['--no-floor']],
      ['with-numbers', ['--no-floor', '--member-bias']],
      ['delivered', []],
    ] as const) {
      const path = join(out, `${name}-${seed}`)
      const files = ['--rl-data', train, '--embeddings', embeddings, '--seed', String(seed), '--out', path]
      await lever('train', ...ON_E, ...more, ...files)
      policies.push(`${name}-${seed}=${path}/checkpoints/best.safetensors`)
    }
  }
  const rows: EvaluationRow[] = []
  for (const reward of ['expected', 'accuracy']) {
    const path = join(out, `evaluate-${reward}`)
    await lever(
      ...['evaluate', '--from-rl-data', dev, '--embeddings', embeddings, '--shots', '1', '--out', path],
      ...['--static-data', train, '--static-reward', reward, '--selectors', 'random', 'static', 'oracle'],
      ...(reward === 'expected' ? ['--policies', ...policies] : []),
    )
    const read = readFileSync(join(path, 'per-question.jsonl'), 'utf8').trimEnd().split('\n')
    const own = read.map((line) => JSON.parse(line) as EvaluationRow)
    const named = own.map((row) =>
      row.selector === 'static' ? { ...row, selector: `static (${reward})` } : row,
    )
    rows.push(
      ...(reward === 'expected' ? named : named.filter(({ selector }) => selector.startsWith('static'))),
    )
  }
  const { queries } = measuredQueries(await readRlData(dev))
  const vote = await evaluateMeasured({
    ...{
      queries,
      selectors: [{ ...oneShotVote({ of: random() }), name: 'vote of 5', scope: 'pool' as const }],
    },
    ...{ shots: [1], voteShots: [5], seeds: Array.from({ length: 20 }, (_, i) => i), score: officialScore() },
  })
  const votes = vote.rows.map((row) => ({ ...row, shots: 1 }))
  const effects = await newcomerEffects(train, join(data, 'bank.jsonl'))
  const selectors = [staticEffects({ name: 'by features, as newcomers', effects })]
  rows.push(...(await evaluateMeasured({ queries, selectors, shots: [1] })).rows)
  const expected = rows.map((row) => ({ ...row, accuracy: expectedOf(queries, row) }))
  return [
    figuresOf('accuracy', summarize([...rows, ...votes], { baselines: ['random', 'static (expected)'] })),
    figuresOf('expected', summarize(expected, { baselines: ['random', 'static (expected)'] })),
  ]
}

const FOLDS = 8

/** Main effects on E of every demonstration, predicted from its features by the demonstrations of the other folds. */
async function newcomerEffects(train: string, bank: string): Promise<Map<number, number>> {
  const { queries } = measuredQueries(await readRlData(train))
  const { effects } = mainEffects(
    queries.map(({ outcomes }) => ({
      pointers: outcomes.map(({ ids, expected }) => ({ ids, value: expected! })),
    })),
  )
  const rows = readFileSync(bank, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { id, question, caption, answers } = JSON.parse(line) as {
        id: number
        question: string
        caption: string
        answers: string[]
      }
      const features = demonstrationFeatures({ question, context: caption, answer: mostFrequent(answers) })
      return { id, features: Array.from(features), ...(effects.get(id) ?? { effect: 0, count: 0 }) }
    })
  return new Map(
    rows.map(({ id, features }, i): [number, number] => {
      const others = rows.filter((_, j) => j % FOLDS !== i % FOLDS)
      const [constant, ...slopes] = ridge(
        others.map((row) => row.features),
        others.map(({ effect }) => effect),
        { weights: others.map(({ count }) => count), penalty: 10 },
      )
      return [id, constant! + features.reduce((sum, x, f) => sum + x * slopes[f]!, 0)]
    }),
  )
}

/** Expected accuracy of the demonstrations of a row; of the oracle the largest. */
function expectedOf(
  queries: readonly MeasuredQuery[],
  { query, selector, demonstrations }: EvaluationRow,
): number {
  const { outcomes } = queries.find((one) => one.query.id === query)!
  if (selector === 'oracle') return Math.max(...outcomes.map(({ expected }) => expected!))
  return outcomes.find(({ ids }) => ids.join() === demonstrations.join())!.expected!
}

function figuresOf(measure: StaticFigures['measure'], summary: Summary): StaticFigures {
  const percent = (value: number): number => Math.round(value * 1e4) / 100
  const of = (selector: string): number =>
    percent(summary.table.find((row) => row.selector === selector)!.accuracy!)
  return {
    measure,
    random: of('random'),
    oracle: of('oracle'),
    differences: summary.table.flatMap(({ selector, comparisons }) =>
      comparisons.map(({ baseline, delta, ci, p }) => ({
        ...{ selector, against: baseline, value: of(selector), delta: percent(delta) },
        ...{ ci: [percent(ci[0]), percent(ci[1])] as const, p },
      })),
    ),
    split: splitOf(summary),
  }
}

async function lever(...args: readonly string[]): Promise<void> {
  await promisify(execFile)('node', [LEVER, ...args, '--quiet', '--json'], { maxBuffer: 1e9 })
}
