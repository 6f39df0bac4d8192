import type { Compared, Selection } from '@lever/pointer-model'
import { formatTable } from '@lever/terminal'
import type { TrainEvent } from '../types.ts'

/** Says what a training delivers: a warning where nothing better than a baseline or its start was found. */
export function selectionEvent(selection: Selection): Extract<TrainEvent, { type: 'notice' | 'warning' }> {
  const { by, name, measure, greedy } = selection
  const trained = (greedy ?? selection).compared.find((one) => one.by === 'policy')
  const judged =
    greedy === undefined
      ? `by ${measure} on the validation queries`
      : `by ${measure} of what each chooses, on ${greedy.queries} queries`
  const before =
    name === 'agreement' ? 'agreement, whose labels cost no prompt,' : `the policy it started from (${name})`
  switch (by) {
    case 'policy':
    case 'mixture':
      return { type: 'notice', message: `the best is ${name}: better than every baseline ${judged}` }
    case 'start':
      return {
        type: 'warning',
        message: `training found nothing better than ${before} ${judged}${gainOf(trained)}: the checkpoint is that policy`,
      }
    case 'baseline':
      return {
        type: 'warning',
        message: `training found nothing better than the baseline ${name} ${judged}${gainOf(trained)}: the checkpoint chooses by ${name}; measure more queries, or other rewards (--no-floor delivers the policy all the same)`,
      }
  }
}

/** ` (rce, epoch 5: -1.2 +- 0.8 points on 40)` */
function gainOf(trained: Compared | undefined): string {
  const difference = trained?.minusWinner
  if (difference === undefined)
    return trained === undefined ? ', and no epoch was better than an untrained policy' : ''
  return ` (${trained!.name}: ${signed(difference.difference)} +- ${points(difference.error)} points on ${difference.queries})`
}

/** The comparison as a table, values in per cent, and that of the finalists' own choices where they were measured. */
export function formatSelection({ name, measure, compared, greedy }: Selection): string {
  const decided = greedy === undefined
  const first = tableOf(compared, `${measure} (x 100)`, decided ? name : undefined)
  if (decided) return first
  const { queries, prompts } = greedy
  return [
    first,
    '',
    `the finalists by what they choose, measured on ${queries} queries with ${prompts} prompts:`,
    tableOf(greedy.compared, `${measure} (x 100)`, name),
  ].join('\n')
}

function tableOf(compared: readonly Compared[], measured: string, chosen: string | undefined): string {
  const rows = compared.map((one) => [
    one.name,
    points(one.value),
    String(one.queries),
    one.minusWinner === undefined
      ? ''
      : `${signed(one.minusWinner.difference)} +- ${points(one.minusWinner.error)}`,
    one.name === chosen ? 'chosen' : '',
  ])
  return formatTable([
    ['chosen by', measured, 'queries', chosen === undefined ? 'minus the best' : 'minus chosen', ''],
    ...rows,
  ])
}

function points(value: number): string {
  return (100 * value).toFixed(1)
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${points(value)}`
}
