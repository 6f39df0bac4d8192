import type { Manifest } from '@lever/durable-files'
import type { Coverage, Fact } from '@lever/icl-eval'
import { describeReads, readsOf, warnOfReads } from './reads.ts'
import type { DatasetRecord, EvaluationRecord } from './record.ts'
import { leakageWarnings } from './record.ts'

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
          { label: 'metric', value: protocol.metric },
        ]
      : []),
    ...(record?.dataset ? [{ label: 'questions', value: datasetText(record.dataset) }] : []),
    ...(record?.pool ? [{ label: 'demonstrations', value: datasetText(record.pool) }] : []),
    ...(record ? [{ label: 'pools', value: record.pools }] : []),
    ...coverage.map(({ selector, shots, choices, measured }) => ({
      label: `coverage of ${selector}, ${shots} ${shots === 1 ? 'shot' : 'shots'}`,
      value: `${measured} of ${choices} choices (${((100 * measured) / choices).toFixed(1)} %)`,
    })),
    ...describeReads(readsOf(manifest)),
    { label: 'seed', value: String(seed) },
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
  const other = record?.dataset?.hash !== record?.pool?.hash
  const partly = coverage.filter(({ choices, measured }) => measured > 0 && measured < choices)
  return [
    ...(record ? leakageWarnings(record.leakage, other) : []),
    ...(record?.warnings ?? []),
    ...warnOfReads(readsOf(manifest)),
    ...(partly.length > 0
      ? [
          `measured rewards only: of the choices of ${[...new Set(partly.map(({ selector }) => selector))].join(', ')} a part had been measured, and their figures are about these (coverage below)`,
        ]
      : []),
  ]
}

function datasetText({ name, split, examples }: DatasetRecord): string {
  return `${name}, split ${split} (${examples} questions)`
}
