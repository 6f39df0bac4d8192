import type { Selection } from '@lever/pointer-model'
import { formatTable } from '@lever/terminal'
import { formatSelection } from '../floor/text.ts'
import type { Audit, Metrics, TrainResult } from '../types.ts'

/** A validation of a policy on the way. */
export interface ValidationRow {
  readonly phase: string
  readonly epoch: number
  readonly metrics: Metrics
  readonly best: boolean
}

/** What a training did and ended with. */
export interface Trained<R extends TrainResult = TrainResult> {
  readonly result: R & { readonly selection?: Selection }
  readonly audit: Audit
  readonly validations: readonly ValidationRow[]
  readonly warnings: readonly string[]
}

/** The audit and the validations as text. */
export function formatTrained({ result, audit, validations }: Trained): string {
  const { best, selection } = result
  const uniform = new Map(audit.phases.map(({ objective, uniformLoss }) => [objective, uniformLoss]))
  const columns: Readonly<Record<string, string>> = {
    reward: 'eval/reward',
    expected: 'eval/reward_expected',
    ranked: 'eval/reward_ranked',
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
    ...(selection === undefined ? [] : ['', formatSelection(selection)]),
  ].join('\n')
}

function digits(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(3)
}
