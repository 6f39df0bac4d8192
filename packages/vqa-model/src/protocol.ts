import { hashOf } from '@lever/durable-files'

/**
 * Everything that fixes an answer. Two models with equal protocols give equal answers; data
 * measured under one protocol is not evaluated under another.
 */
export interface Protocol {
  backend: string
  /** the model's own name, not the folder it lies in */
  model: string
  /** commit on the Hub, where the model was asked for as `organisation/name@revision` */
  revision?: string
  /** file name relative to the model's folder -> SHA-256 of its bytes */
  files: Record<string, string>
  /** name of the prompt template, with a hash when it is not one of the table */
  template: string
  /** system prompt with `{shots}` not filled in, or null for none */
  system: string | null
  /** stop: texts that end an answer, absent for none; beams: 1 for greedy answers; 3 for beam search of that width, as the Python original decodes */
  decoding: { maxNewTokens: number; beams: 1 | 3; stop?: readonly string[] }
  /** limits of an image's area in pixels, 0 where the backend has none; and how it is resized, where we do that */
  pixels: { min: number; max: number; resizer?: string }
  postprocess: string
  metric: string
  /** of a model at a server: who answers, and what every request asks for besides its messages */
  server?: { facts: Readonly<Record<string, string>>; request: Readonly<Record<string, unknown>> }
}

/** SHA-256 of the canonical JSON of a protocol. */
export function hashProtocol(protocol: Protocol): string {
  return hashOf(protocol)
}

/** One line per field in which two protocols differ, e.g. `template: "shapes" against "lever-plus"`. */
export function compareProtocols(a: Protocol, b: Protocol): string[] {
  const left = flatten(a)
  const right = flatten(b)
  const names = new Set([...left.keys(), ...right.keys()])
  return [...names]
    .filter((name) => left.get(name) !== right.get(name))
    .map((name) => `${name}: ${left.get(name) ?? 'absent'} against ${right.get(name) ?? 'absent'}`)
}

function flatten(value: object, prefix = '', into = new Map<string, string>()): Map<string, string> {
  for (const [key, field] of Object.entries(value) as [string, unknown][]) {
    const name = prefix === '' ? key : `${prefix}.${key}`
    if (typeof field === 'object' && field !== null) flatten(field, name, into)
    else into.set(name, JSON.stringify(field))
  }
  return into
}
