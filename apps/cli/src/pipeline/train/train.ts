import type { Audit, Metrics, TrainFilesEvent, TrainResult } from '@lever/grpo-trainer'
import type { Context } from '../../command.ts'
import { formatTable } from '@lever/terminal'

/** A validation of a policy on the way. */
interface ValidationRow {
  readonly phase: string
  readonly epoch: number
  readonly metrics: Metrics
  readonly best: boolean
}

export interface Trained<R extends TrainResult = TrainResult> {
  readonly result: R
  readonly audit: Audit
  readonly validations: readonly ValidationRow[]
  readonly warnings: readonly string[]
}

/**
 * Shows the events of a training on a progress line, and gives what it ends with. Interrupted, it saves and throws the reason
 * of the signal; run again, it continues.
 * @param name of the policy, where no event says it
 */
export async function followTraining<R extends TrainResult>(
  events: AsyncGenerator<TrainFilesEvent, R>,
  { progress, signal }: Context,
  name?: string,
): Promise<Trained<R>> {
  let title = name === undefined ? undefined : `train ${name}`
  let stage = title === undefined ? undefined : progress.stage(title, { unit: 'steps' })
  let audit: Audit | undefined
  let reward = ''
  const validations: ValidationRow[] = []
  const warnings: string[] = []
  const warn = (message: string): void => {
    warnings.push(message)
    progress.warn(message)
  }
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      if (value.status === 'interrupted') signal.throwIfAborted()
      stage?.end(reward)
      return { result: value, audit: audit!, validations, warnings }
    }
    if (value.type === 'loaded') {
      title = `train ${value.name}`
      stage = progress.stage(title, { unit: 'steps' })
    }
    if (value.type === 'audit') {
      audit = value.audit
      for (const warning of audit.warnings) warn(warning)
      stage?.expect(audit.phases.reduce((sum, { steps }) => sum + steps, 0))
    }
    if (value.type === 'warning') warn(value.message)
    if (value.type === 'notice')
      progress.info(title === undefined ? value.message : `${title}: ${value.message}`)
    if (value.type === 'step') {
      const { phase, step, metrics } = value
      stage?.update(step, `${phase} loss ${digits(metrics['loss'])}${reward && `, ${reward}`}`)
    }
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
