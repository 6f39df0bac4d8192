import { formatTable } from '@lever/terminal'
import type { BundleManifest } from './bundle/manifest.ts'
import type { OpenSelector } from './open-selector.ts'
import type { Selection } from './selection.ts'

/** What a bundle is and takes, in words for people. */
export function bundleText({ selector, policy, pool, library, bytes, shots }: BundleManifest): string {
  const all = Object.values(bytes).reduce((sum, part) => sum + part, 0)
  const parts = Object.entries(bytes).filter(([, size]) => size > 0)
  const who =
    selector.kind === 'policy'
      ? `the policy (${policy!.architecture}, ${policy!.phase ?? 'unknown phase'})`
      : `the baseline ${selector.name}${selector.note === null ? '' : ` (${selector.note})`}`
  const from = selector.kind === 'policy' ? `, from pools of ${pool!.size} (${pool!.method})` : ''
  return [
    `${who} chooses ${shots} of ${library.examples} examples${from}`,
    `Size: ${megabytes(all)} (${parts.map(([name, size]) => `${name} ${megabytes(size)}`).join(', ')})`,
  ].join('\n')
}

/** What was chosen for a question, in order, and why: a table for people. */
export function selectionText(
  { question, demonstrations, selector }: Selection,
  { manifest, size }: Pick<OpenSelector, 'manifest' | 'size'>,
): string {
  const isPolicy = selector.kind === 'policy'
  const untrained = isPolicy && manifest.policy?.untrained === true
  const rows = demonstrations.map((one, i) => [
    `${i + 1}`,
    ...[one.question, one.answer, String(one.id)],
    ...[one.score === null ? '-' : one.score.toFixed(3), one.similarity.toFixed(3)],
    one.staticShare === null ? 'none' : `${Math.round(100 * one.staticShare)} %`,
  ])
  const head = [
    '#',
    ...['question', 'answer', 'id', isPolicy ? 'probability' : 'score', 'similarity', 'static share'],
  ]
  return [
    `Question: ${question}`,
    `Chosen by: ${selector.name}${selector.note === null ? '' : `: ${selector.note}`} (${demonstrations.length} of ${size} examples, the last next to the question)`,
    ...(untrained ? ['The policy is untrained: its choices are those of random parameters.'] : []),
    '',
    formatTable([head, ...rows], { left: 3 }),
  ].join('\n')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
