import { formatTable } from '@lever/terminal'
import { embedderText } from './embedder.ts'
import type { CheckpointDescription } from './inspect.ts'

/** A description as text. */
export function formatCheckpoint(description: CheckpointDescription): string {
  const { file, bytes, sha256, format, policy, problem, untrained, info, tensors, metadata } = description
  const kind = { lever: 'checkpoint of lever', safetensors: 'safetensors', pytorch: 'file of PyTorch' }[
    format
  ]
  const { metrics, pool, training, selection, embeddings, ...plain } = info
  const rows: string[][] = [
    ['file', `${file} (${kind}, ${bytes.toLocaleString('en')} bytes)`],
    ['sha256', sha256],
  ]
  if (policy) {
    const { architecture, config, parameters } = policy
    const settings = Object.entries(config).map(([name, value]) => `${name} ${String(value)}`)
    rows.push(['architecture', `${architecture}, ${parameters.toLocaleString('en')} parameters`])
    const assumed = format === 'lever' ? '' : ' (heads and temperature are assumed: the file does not say)'
    rows.push(['settings', settings.join(', ') + assumed])
    for (const list of ['missing', 'foreign', 'ignored'] as const) {
      if (policy[list].length > 0) rows.push([list, `${policy[list].length}: ${policy[list].join(', ')}`])
    }
  }
  for (const [name, value] of Object.entries(plain)) rows.push([LABELS[name] ?? name, String(value)])
  if (embeddings) rows.push(['embeddings', embedderText(embeddings)])
  if (selection) rows.push(['chooses by', `${selection.name} (best by ${selection.measure} on validation)`])
  for (const [name, value] of Object.entries(metrics ?? {})) rows.push([name, String(value)])
  for (const [name, value] of Object.entries({ pool, training })) {
    if (value !== undefined) rows.push([name, JSON.stringify(value)])
  }
  for (const [name, value] of Object.entries(metadata)) rows.push([name, value.slice(0, 200)])
  const header = ['tensor', 'type', 'shape']
  const lines = tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`])
  return [
    formatTable(rows, { left: 2 }),
    ...(problem === null ? [] : ['', `This cannot be used as a policy: ${problem}`]),
    ...(untrained ? ['', 'This policy was never trained: its choices are arbitrary.'] : []),
    '',
    formatTable([header, ...lines], { left: 3 }),
  ].join('\n')
}

const LABELS: Readonly<Record<string, string>> = {
  dataHash: 'data',
  protocolHash: 'protocol',
  packageVersion: 'written by',
}
