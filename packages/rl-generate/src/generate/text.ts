import { formatTable, printableLine } from '@lever/terminal'
import type { GenerationCounts } from './dry-run.ts'
import type { GeneratedRlData } from './generate.ts'

/** What the prompts of a generation would cost; `estimatePrompts` of `@lever/vqa-model` counts it. */
export interface PromptCosts {
  readonly prompts: number
  readonly images: { readonly uses: number; readonly files: number }
  readonly tokens?: { readonly whole: number; readonly shared: number; readonly longest: number } | undefined
}

/** What a generation measured, as text. */
export function formatGenerated({ rlData, journal, statistics }: GeneratedRlData): string {
  const {
    queries,
    outcomes,
    positives,
    positiveQueries,
    methods,
    file,
    fallback,
    error,
    firstError,
    pending,
    expected,
    zeroVariance,
  } = statistics
  const decoded = methods.some(({ accuracy }) => accuracy !== null)
  const percent = (part: number, whole: number): string =>
    whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`
  return [
    decoded || expected === undefined
      ? `${queries} queries, ${outcomes} outcomes, ${percent(positives, outcomes)} positive; ${percent(positiveQueries, queries)} of the queries have one`
      : `${queries} queries, ${outcomes} outcomes; nothing was decoded, so there are no accuracies`,
    ...(expected === undefined
      ? []
      : [
          `expected accuracy: mean ${(100 * expected.mean).toFixed(1)}; flat in ${percent(expected.zeroVariance.count, queries)} of the queries${decoded ? `, accuracy in ${percent(zeroVariance.count, queries)}` : ''}`,
        ]),
    `scored officially ${percent(file.count, outcomes)}, by the fallback ${percent(fallback.count, outcomes)}, failed ${percent(error.count, outcomes)}`,
    ...(firstError === null ? [] : [`the first failure: ${printableLine(firstError)}`]),
    ...(pending > 0
      ? [
          `${pending} outcomes are missing because a server or device failed; the same command measures them again`,
        ]
      : []),
    '',
    formatTable([
      [
        'proposed by',
        'outcomes',
        ...(decoded || expected === undefined ? ['positive', 'accuracy'] : []),
        ...(expected === undefined ? [] : ['expected']),
      ],
      ...methods.map((m) => [
        m.method,
        String(m.outcomes),
        ...(decoded || expected === undefined ? [percent(m.positives, m.outcomes), figure(m.accuracy)] : []),
        ...(expected === undefined ? [] : [figure(m.expected)]),
      ]),
    ]),
    '',
    rlData === null ? `journal: ${journal} (join the shards with lever data merge)` : `RL data: ${rlData}`,
    rlData === null ? '' : `next: lever data describe ${rlData}`,
  ].join('\n')
}

/** In per cent. */
function figure(value: number | null): string {
  return value === null ? '-' : (100 * value).toFixed(1)
}

/** What a generation would measure, as text. */
export function formatDryRun(planned: GenerationCounts & PromptCosts, poolFile?: string): string {
  const { queries, pointers, prompts, images, tokens, answersToScore, withoutImage } = planned
  const count = (value: number): string => value.toLocaleString('en')
  const times = (whole: number, part: number): string => (whole / Math.max(1, part)).toFixed(2)
  return [
    `dry run: nothing was asked, nothing was written${poolFile === undefined ? '' : ' but the pools'}`,
    '',
    `${count(queries)} queries, ${count(pointers)} pointers, ${count(prompts)} prompts`,
    `${count(images.uses)} images in prompts, ${count(images.files)} different files (${times(images.uses, images.files)} times fewer to encode)`,
    tokens === undefined
      ? 'tokens: not counted (only models in a folder, and PNG and JPEG images)'
      : `${count(tokens.whole)} tokens in prompts, ${count(tokens.shared)} with shared prefixes (${times(tokens.whole, tokens.shared)} times fewer); the longest prompt has ${count(tokens.longest)}`,
    ...(answersToScore > 0 ? [`${count(answersToScore)} answers to score`] : []),
    ...(withoutImage > 0 ? [`${count(withoutImage)} prompts have an example without an image file`] : []),
    '',
    formatTable([
      ['proposed by', 'pointers'],
      ...Object.entries(planned.methods).map(([method, number]) => [method, count(number)]),
    ]),
  ].join('\n')
}
