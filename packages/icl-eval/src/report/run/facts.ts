import type { Manifest } from '@lever/durable-files'
import type { Coverage } from '../../offline/evaluate-measured.ts'
import { describeReads, readsOf, warnOfReads } from '../../run/reads.ts'
import { leakageWarnings } from '../../run/records.ts'
import type { DatasetRecord, EvaluationRecord, StaticRecord } from '../../run/records.ts'
import type { Fact } from '../types.ts'

/** How a run was made, as its manifest says. */
export function factsOf(
  manifest: Manifest,
  record: EvaluationRecord | undefined,
  coverage: readonly Coverage[] = [],
): Fact[] {
  const { command, seed, versions, inputs } = manifest
  const protocol = record?.protocol
  return [
    { label: 'command', value: command },
    ...(protocol
      ? [
          { label: 'model', value: `${protocol.model} (${protocol.backend}), prompt ${protocol.template}` },
          { label: 'protocol', value: protocol.hash },
          { label: 'metric', value: metricText(protocol.metric) },
        ]
      : []),
    ...(record?.dataset ? [{ label: 'questions', value: datasetText(record.dataset) }] : []),
    ...(record?.pool ? [{ label: 'demonstrations', value: datasetText(record.pool) }] : []),
    ...(record ? [{ label: 'pools', value: record.pools }] : []),
    ...(record ? leakageFacts(record) : []),
    ...(record?.static ? [{ label: 'static', value: staticText(record.static) }] : []),
    ...coverage.map(({ selector, shots, choices, measured }) => ({
      label: `coverage of ${selector}, ${shots} ${shots === 1 ? 'shot' : 'shots'}`,
      value: `${measured} of ${choices} choices (${((100 * measured) / choices).toFixed(1)} %)`,
    })),
    ...describeReads(readsOf(manifest)),
    ...(seed === null ? [] : [{ label: 'seed', value: String(seed) }]),
    ...Object.entries(versions).map(([name, value]) => ({ label: name, value })),
    ...Object.entries(inputs).map(([name, hash]) => ({ label: `sha256 of ${name}`, value: hash })),
  ]
}

/** What a reader must know before the figures. */
export function warningsOf(
  manifest: Manifest,
  record: EvaluationRecord | undefined,
  coverage: readonly Coverage[] = [],
): string[] {
  const partly = coverage.filter(({ choices, measured }) => measured > 0 && measured < choices)
  return [
    ...(record ? leakageWarnings(record.leakage) : []),
    ...(record?.warnings ?? []),
    ...warnOfReads(readsOf(manifest)),
    ...(partly.length > 0
      ? [
          `measured rewards only: of the choices of ${[...new Set(partly.map(({ selector }) => selector))].join(', ')} a part had been measured, and their figures are about these (coverage below)`,
        ]
      : []),
  ]
}

function leakageFacts({ leakage, pool, dataset, trainedOn }: EvaluationRecord): Fact[] {
  const other = pool !== null && pool.hash !== dataset?.hash
  const sources = [
    ...(other ? ["the pool's dataset"] : []),
    ...(trainedOn && trainedOn.questions > 0 ? [`${trainedOn.questions} training questions`] : []),
  ]
  return [
    {
      label: 'shared images',
      value: [
        `${leakage.imageInPool} questions with their own pool`,
        ...(sources.length > 0 ? [`${leakage.imageInTraining} with ${sources.join(' and ')}`] : []),
      ].join(', '),
    },
    ...(trainedOn && trainedOn.unknown.length > 0
      ? [
          {
            label: 'not checked',
            value: `images that ${trainedOn.unknown.join(', ')} was trained on: unknown (--training-data)`,
          },
        ]
      : []),
  ]
}

function metricText(metric: string): string {
  return metric === 'vqa-loo'
    ? 'vqa-loo: the official VQA accuracy, min(1, matches / 3) averaged over leaving out each annotator in turn'
    : metric
}

function staticText(record: StaticRecord): string {
  if (record.by === 'effects') {
    const { reward, questions, outcomes, examples, best } = record
    const what = reward === 'expected' ? 'expected accuracy' : 'accuracy'
    const each = best.map(({ id, effect }) => `${id} (${(100 * effect).toFixed(1)})`)
    return `by main effects on the ${what} of ${outcomes} outcomes on ${questions} other questions, of ${examples} examples; the best, in points: ${each.join(', ')}`
  }
  const { split, questions, tried, sets } = record
  const each = sets.map(({ shots, accuracy }) => `${shots}: ${(100 * accuracy).toFixed(1)} %`)
  const where = split === '' ? 'the validation dataset' : `the ${split} split`
  return `the best of ${tried} random sets on ${questions} questions of ${where} (${each.join(', ')})`
}

function datasetText({ name, split, examples }: DatasetRecord): string {
  return `${name}${split && `, split ${split}`} (${examples} ${examples === 1 ? 'question' : 'questions'})`
}
