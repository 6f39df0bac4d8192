import { openRunDirectory } from '@lever/durable-files'
import type { BeamOptions, BeamStatistics, ConstructOrder } from '@lever/rl-generate'
import type { InfoScoreKind } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'
import { describeFeatures, metaOf } from '../generate/generate.ts'
import type { InputSettings } from '../inputs/inputs.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { ModelChoice } from '../model/model.ts'
import { openModels } from '../model/models.ts'
import { metricOf } from '@lever/vqa-eval'

export interface BeamSettings extends InputSettings, ModelChoice {
  /** K */
  readonly shots: number
  readonly width: number
  readonly order: ConstructOrder
  readonly infoScore: InfoScoreKind
  readonly shard: string | undefined
  readonly strict: boolean
  readonly out: string
}

export interface GrownBeams {
  readonly out: string
  readonly beams: string
  readonly journal: string
  readonly statistics: BeamStatistics
  /** Mean InfoScore of the best beam of every anchor, and the share of anchors where it is above 0. */
  readonly best: { readonly mean: number; readonly positive: number }
  /** What the model did in this run. */
  readonly model: { readonly prompts: number; readonly prefillTokens: number; readonly decodeSteps: number }
}

/** Names inside the run directory. */
const JOURNAL = 'beams.jsonl'
const BEAMS = 'beams.json'

/** Grows InfoScore beams: dataset and model in, a run directory with a beam file out. */
export async function runBeams(settings: BeamSettings, context: Context): Promise<GrownBeams> {
  const { shots, width, order, infoScore: kind, shard, strict, seed } = settings
  const { progress, signal } = context
  const { growBeams, parseShard, writeBeams } = await import('@lever/rl-generate')
  const { infoScore, scoreGroundTruthWith } = await import('@lever/vqa-model')
  const part = shard === undefined ? undefined : parseShard(shard, process.env)
  const { dataset, pool, queries, features, pools, hashes } = await openInputs(settings, progress)
  const { workers = 2 } = settings
  const choice = { ...settings, workers: settings.backend === 'onnx' ? workers : undefined }
  const { model, copies } = await openModels({ ...choice, metric: metricOf(queries) }, progress)
  const close: (() => Promise<void>)[] = [() => model.close()]
  try {
    const generator = { beams: { width, order, info_score: kind } }
    const common = metaOf({ model, dataset, pools, shots, seed, version: version(), generator })
    const meta = { ...common, ...describeFeatures(features) }
    const run = await openRunDirectory({
      path: settings.out,
      command: 'beams',
      config: { meta, queries: queries.length, strict, shard },
      inputs: hashes,
      seed,
      versions: { lever: version() },
    })
    close.push(() => run.close())
    const options: BeamOptions = {
      queries,
      candidates: pool.examples,
      pools: pools.byQuery,
      scoreGroundTruth: scoreGroundTruthWith(model),
      infoScore: (after, before) => infoScore(after, before, kind),
      journal: run.file(JOURNAL),
      meta,
      width,
      order,
      shard: part,
      strict,
      concurrency: Math.max(1, workers) * copies,
      signal,
    }
    const stage = progress.stage('beams', { unit: 'anchors' })
    for await (const event of growBeams(options)) {
      if (event.type === 'start') {
        stage.expect(event.anchors)
        if (event.resumed > 0) stage.update(0, `continued with ${event.resumed} scores`)
      }
      if (event.type === 'progress') stage.update(event.anchorsDone, `${event.prompts} prompts`)
      if (event.type !== 'done') continue
      await writeBeams(run.file(BEAMS), event.beams, meta)
      stage.end()
      const scores = event.beams.map(({ beams }) => beams[0]!.score)
      const best = { mean: mean(scores), positive: mean(scores.map((score) => (score > 0 ? 1 : 0))) }
      const { statistics } = event
      const { prompts, prefillTokens, decodeSteps } = model.stats()
      await run.update({ anchors: statistics.anchors, best })
      return {
        out: run.path,
        beams: run.file(BEAMS),
        journal: run.file(JOURNAL),
        statistics,
        best,
        model: { prompts, prefillTokens, decodeSteps },
      }
    }
    throw new Error('the growing of beams ended without a result')
  } finally {
    for (const one of close.reverse()) await one()
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((a, b) => a + b, 0) / numbers.length
}

export function formatBeams({ beams, statistics, best, model }: GrownBeams): string {
  const { anchors, scores, resumed, prompts, failed, unscored, sameImage, seconds } = statistics
  return [
    `${anchors} anchors, ${scores} scores (${resumed} were there), ${prompts} prompts in ${seconds.toFixed(1)} s` +
      (prompts > 0 ? `, ${(model.prefillTokens / prompts).toFixed(1)} tokens each` : ''),
    `InfoScore of the best beam: mean ${best.mean.toFixed(4)}, above 0 for ${(100 * best.positive).toFixed(1)} % of the anchors`,
    ...(failed > 0 ? [`${failed} prompts could not be scored; their sequences are left out`] : []),
    ...(unscored > 0 ? [`${unscored} of the anchors have no beam because of that`] : []),
    ...(sameImage > 0 ? [`${sameImage} candidates show the image of their anchor; they are left out`] : []),
    '',
    `beams: ${beams}`,
    `next: lever sft --beams ${beams} --embeddings train.safetensors --out runs/sft`,
  ].join('\n')
}
