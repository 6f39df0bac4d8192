import type { ConstructOrder, GeneratedBeams } from '@lever/rl-generate'
import { metricOf } from '@lever/vqa-eval'
import type { InfoScoreKind, VqaModelStats } from '@lever/vqa-model'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'
import { factsOf } from '../inputs/features.ts'
import type { InputSettings } from '../inputs/inputs.ts'
import { openInputs } from '../inputs/inputs.ts'
import type { ModelChoice } from '../model/model.ts'
import { openModel, requireShown } from '../model/model.ts'

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

export interface GrownBeams extends GeneratedBeams {
  /** What the model did in this run. */
  readonly model: Pick<VqaModelStats, 'prompts' | 'prefillTokens' | 'decodeSteps'>
}

/** Opens what the settings name and grows InfoScore beams with it. */
export async function growBeams(settings: BeamSettings, { progress, signal }: Context): Promise<GrownBeams> {
  const { shots, width, order, infoScore: kind, strict, seed, out } = settings
  const { generateBeams, parseShard } = await import('@lever/rl-generate')
  const { infoScore, scoreGroundTruthWith } = await import('@lever/vqa-model')
  const shard = settings.shard === undefined ? undefined : parseShard(settings.shard, process.env)
  const { dataset, pool, queries, features, pools, hashes } = await openInputs(settings, progress)
  const { workers = 2 } = settings
  const model = await openModel({ ...settings, metric: metricOf(queries) }, progress)
  const copies = model.calls.sharesWork ? model.calls.concurrency : 1
  const stage = progress.stage('beams', { unit: 'anchors' })
  try {
    await requireShown(model, { queries, pool: pool.examples })
    const generated = await generateBeams({
      ...{
        queries,
        candidates: pool.examples,
        pools,
        dataset,
        shots,
        width,
        order,
        shard,
        strict,
        seed,
        out,
      },
      model,
      scoreGroundTruth: scoreGroundTruthWith(model),
      infoScore: (after, before) => infoScore(after, before, kind),
      infoScoreKind: kind,
      embeddings: factsOf(features),
      version: version(),
      inputs: hashes,
      concurrency: Math.max(1, workers) * copies,
      signal,
      onEvent(event) {
        if (event.type === 'start') {
          stage.expect(event.anchors)
          if (event.resumed > 0) stage.update(0, `continued with ${event.resumed} scores`)
        }
        if (event.type === 'progress') stage.update(event.anchorsDone, `${event.prompts} prompts`)
      },
    })
    stage.end()
    const { prompts, prefillTokens, decodeSteps } = model.stats()
    return { ...generated, model: { prompts, prefillTokens, decodeSteps } }
  } finally {
    await model.close()
  }
}
