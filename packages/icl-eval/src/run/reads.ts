import { canonicalJson } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'

/** A look at the answers of a split: what was compared on it. */
export interface Read {
  readonly split: string
  /** Hash of the dataset. */
  readonly data: string
  readonly questions: number
  readonly selectors: readonly string[]
  /** Name of a policy to the SHA-256 of its checkpoint. */
  readonly policies: Readonly<Record<string, string>>
  readonly shots: readonly number[]
  readonly seeds: number
}

/** Notes a read in the manifest, before the first answer is asked for. The same again is the same read. */
export async function recordRead(run: RunDirectory, read: Read): Promise<void> {
  const known = readsOf(run.manifest)
  const text = canonicalJson(read)
  if (known.some((one) => canonicalJson(one) === text)) return
  await run.update({ reads: [...known, read] })
}

export function readsOf(manifest: Readonly<Record<string, unknown>>): readonly Read[] {
  return (manifest['reads'] ?? []) as readonly Read[]
}

/** The reads in words: how often each split was read, and by what. */
export function describeReads(reads: readonly Read[]): { readonly label: string; readonly value: string }[] {
  const splits = [...new Set(reads.map(({ split }) => split))]
  return splits.map((split) => {
    const own = reads.filter((read) => read.split === split)
    const each = own.map(({ selectors, policies, questions }) => {
      const files = Object.entries(policies).map(([name, hash]) => `${name} ${hash.slice(0, 12)}`)
      return `${questions} questions by ${[...selectors, ...files].join(', ')}`
    })
    return { label: `reads of ${nameOf(split)}`, value: `${own.length}: ${each.join('; ')}` }
  })
}

/** What a reader must know of a split that was read more than once. */
export function warnOfReads(reads: readonly Read[]): string[] {
  return [...new Set(reads.map(({ split }) => split))].flatMap((split) => {
    const count = reads.filter((read) => read.split === split).length
    return count < 2
      ? []
      : [`${nameOf(split)} was read ${count} times: what was chosen by looking at it is not a test result`]
  })
}

/** A dataset of one's own may have no split. */
const nameOf = (split: string): string => (split === '' ? 'this dataset' : `the ${split} split`)
