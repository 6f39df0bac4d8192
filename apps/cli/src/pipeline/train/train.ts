import type { Audit, Metrics, PhaseOptions, TrainOptions, TrainResult } from '@lever/grpo-trainer'
import type { PointerModel } from '@lever/pointer-model'
import type { Context } from '../../command.ts'
import { formatTable } from '../../table.ts'
import type { LoadedTraining } from './training-data.ts'

export interface TrainPolicyOptions {
  readonly name: string
  readonly model: PointerModel
  readonly training: LoadedTraining
  readonly phases: readonly PhaseOptions[]
  /** Folder of `metrics.jsonl` and `checkpoints/`. */
  readonly output: string
  readonly seed: number
  readonly threads?: number
  readonly device?: 'cpu' | 'cuda' | 'webgpu'
  readonly saveEvery?: number | undefined
  readonly keepEpochs?: boolean
  readonly tensorboard?: boolean
  readonly selectBy?: TrainOptions['selectBy']
  readonly context: Context
}

/** A validation of a policy on the way. */
interface ValidationRow {
  readonly phase: string
  readonly epoch: number
  readonly metrics: Metrics
  readonly best: boolean
}

export interface Trained {
  readonly result: TrainResult
  readonly audit: Audit
  readonly validations: readonly ValidationRow[]
}

/**
 * Trains a policy with a progress line. Interrupted, it saves and throws the reason of the signal; run again,
 * it continues.
 */
export async function trainPolicy(options: TrainPolicyOptions): Promise<Trained> {
  const { name, model, training, phases, output, seed, context } = options
  const { progress, signal } = context
  const { train } = await import('@lever/grpo-trainer')
  const stage = progress.stage(`train ${name}`, { unit: 'steps' })
  const { threads, device, saveEvery = null, keepEpochs = true, tensorboard = false, selectBy } = options
  const events = train({
    model,
    data: training.data,
    phases,
    seed,
    output,
    info: training.info,
    saveEvery,
    keepEpochs,
    tensorboard,
    signal,
    ...(selectBy !== undefined && { selectBy }),
    ...(threads !== undefined && { threads }),
    ...(device !== undefined && { device }),
  })
  let audit: Audit | undefined
  let reward = ''
  const validations: ValidationRow[] = []
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      if (value.status === 'interrupted') signal.throwIfAborted()
      stage.end(reward)
      return { result: value, audit: audit!, validations }
    }
    if (value.type === 'audit') {
      audit = value.audit
      for (const warning of audit.warnings) progress.warn(warning)
      stage.expect(audit.phases.reduce((sum, { steps }) => sum + steps, 0))
    }
    if (value.type === 'notice') progress.info(`train ${name}: ${value.message}`)
    if (value.type === 'step')
      stage.update(
        value.step,
        `${value.phase} loss ${digits(value.metrics['loss'])}${reward && `, ${reward}`}`,
      )
    if (value.type === 'validation') {
      const { phase, epoch, metrics, best } = value
      validations.push({ phase, epoch, metrics, best })
      reward = `validation reward ${digits(metrics['eval/reward'])}`
    }
    // Lets SIGINT be seen between two chunks.
    await new Promise(setImmediate)
  }
}

/** The audit and the validations as text. */
export function formatTrained({ result, audit, validations }: Trained): string {
  const { best } = result
  const uniform = new Map(audit.phases.map(({ objective, uniformLoss }) => [objective, uniformLoss]))
  const columns: Readonly<Record<string, string>> = {
    reward: 'eval/reward',
    expected: 'eval/reward_expected',
    ...(validations.some(({ metrics }) => 'eval/chosen' in metrics) && { chosen: 'eval/chosen' }),
    ...(audit.phases.some(({ objective }) => objective === 'sft') && {
      'first right': 'eval/first_accuracy',
      'all right': 'eval/sequence_accuracy',
    }),
  }
  const rows = validations.map(({ phase, epoch, metrics, best: isBest }) => [
    phase,
    String(epoch),
    digits(metrics['eval/loss']),
    digits(uniform.get(phase)),
    ...Object.values(columns).map((name) => digits(metrics[name])),
    isBest ? 'best so far' : '',
  ])
  const audited = audit.phases.flatMap(({ objective, groups, steps, uniformLoss }) =>
    steps === 0
      ? []
      : `${objective}: ${groups} groups, loss of a policy that knows nothing ${digits(uniformLoss)}`,
  )
  const last = validations.at(-1)?.metrics
  return [
    `${audit.queries} training queries with ${audit.pointers} pointers, ${audit.validationQueries} validation queries`,
    `mean reward ${digits(audit.reward)}, best measured ${digits(audit.oracle)}; in ${(100 * audit.zeroVariance).toFixed(0)} % of the groups all rewards are equal`,
    ...audited,
    ...(rows.length > 0
      ? ['', formatTable([['phase', 'epoch', 'loss', 'uniform', ...Object.keys(columns), ''], ...rows]), '']
      : ['']),
    ...(last === undefined
      ? []
      : [`validation queries: random ${digits(last['eval/random'])}, oracle ${digits(last['eval/oracle'])}`]),
    ...(audit.phases.every(({ steps }) => steps === 0)
      ? [
          'nothing was trained: no phase has an epoch and a group to train on; the policy is the one from before',
        ]
      : []),
    `best: ${best.phase}, epoch ${best.epoch}, step ${best.step}`,
  ].join('\n')
}

function digits(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(3)
}
