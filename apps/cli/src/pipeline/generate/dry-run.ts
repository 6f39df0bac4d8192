import type { Proposal } from '@lever/rl-generate'
import { distinctAnswers } from '@lever/vqa-eval'
import type { VqaExample } from '@lever/vqa-dataset'
import type { PromptEstimate, VqaPrompt } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { formatTable } from '../../table.ts'
import { planPointers } from './generate.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { GenerateSettings } from './run-generate.ts'
import { namedPolicy } from './run-generate.ts'

/** What a generation would measure. */
export interface DryRun extends PromptEstimate {
  readonly dryRun: true
  readonly queries: number
  readonly pointers: number
  /** Pointers by the method that proposed them. */
  readonly methods: Readonly<Record<string, number>>
  /** Human answers whose log-probability is wanted, over all prompts. */
  readonly answersToScore: number
  /** Prompts with an example that has no image file; they are not counted above. */
  readonly withoutImage: number
}

/**
 * Proposes the pointers of a generation and counts its prompts, images and tokens. No VQA model
 * runs and nothing is written; a policy does run, its pointers are counted.
 */
export async function dryRun(settings: GenerateSettings, { progress }: Context): Promise<DryRun> {
  const { shots, seed, mix, size, prefixes, gtProb } = settings
  const { byIds, openPolicy } = await import('@lever/pointer-model')
  const { parseShard, shardQueries } = await import('@lever/rl-generate')
  const { estimatePrompts, toVqaPrompt } = await import('@lever/vqa-model')
  const part = settings.shard === undefined ? undefined : parseShard(settings.shard, process.env)
  const { pool, queries, features, pools } = await openInputs(settings, progress)
  const named = await namedPolicy(settings, features)
  const policy = named && (await openPolicy(named.model))
  try {
    const proposer = policy && features && byIds(policy, features)
    const plan = await planPointers({ queries, pools, features, mix, shots, size, seed, policy: proposer })
    const mine = part === undefined ? queries : shardQueries(queries, part)
    const plans = await plan.propose(mine, { round: 0, known: new Map() })
    const byId = new Map(pool.examples.map((example) => [example.id, example]))
    const prompts: VqaPrompt[] = []
    const methods = new Map<string, number>()
    let [answersToScore, withoutImage] = [0, 0]
    for (const [i, query] of mine.entries()) {
      const { poolIds, proposals } = plans[i]!
      for (const { method } of proposals) methods.set(method, (methods.get(method) ?? 0) + 1)
      for (const ids of sequencesOf(proposals, poolIds, [...prefixes, shots])) {
        const demonstrations = ids.map((id) => byId.get(id)!)
        if ([...demonstrations, query].some(({ image }) => image === undefined)) withoutImage += 1
        else {
          prompts.push(toVqaPrompt({ demonstrations, query }))
          if (gtProb) answersToScore += answersOf(query)
        }
      }
    }
    const estimate = await estimatePrompts(prompts, {
      model: settings.backend === 'onnx' ? settings.model : undefined,
      template: settings.template,
      pixels: settings.maxPixels === undefined ? undefined : { max: settings.maxPixels },
    })
    const pointers = Array.from(methods.values()).reduce((sum, count) => sum + count, 0)
    const counts = { queries: mine.length, pointers, methods: Object.fromEntries(methods) }
    return { dryRun: true, ...counts, ...estimate, answersToScore, withoutImage }
  } finally {
    await policy?.close()
  }
}

/** The different sequences of ids that are prompts: pointers, and their first k demonstrations. */
function sequencesOf(
  proposals: readonly Proposal[],
  poolIds: readonly number[],
  lengths: readonly number[],
): number[][] {
  const found = new Map<string, number[]>()
  for (const { pointer } of proposals) {
    for (const k of lengths) {
      const ids = pointer.slice(0, k).map((position) => poolIds[position]!)
      found.set(ids.join(), ids)
    }
  }
  return [...found.values()]
}

function answersOf({ answers }: VqaExample): number {
  return distinctAnswers(answers).length
}

export function formatDryRun(planned: DryRun, poolFile?: string): string {
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
