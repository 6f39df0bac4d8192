import { readFile } from 'node:fs/promises'
import {
  differences,
  hashOf,
  InputError,
  journalHeaderLine,
  journalLine,
  readJournal,
  writeFileAtomic,
} from '@lever/durable-files'
import { parseFailedKey, parsePlanKey } from '@lever/rl-dataset'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { QUERY_PREFIX, type QueryLine } from './measure/ledger-lines.ts'
import type { MeasureHeader } from './measure/header.ts'
import { extensionKey, type ExtensionLine, type PlanLine } from './measure/plans.ts'
import { agrees, type OutcomeLine } from './measure/outcome-line.ts'

/** Journals of shards, and the file that they become. */
export interface MergeOptions {
  /** Journals of all shards of one generation, in any order. */
  paths: readonly string[]
  /** Path of the merged journal. One that exists is replaced only by the same content. */
  out: string
  /** Merge although shards or outcomes are missing; what is missing is in the report. */
  partial?: boolean
}

export const MERGE_OPTIONS: OptionNames<MergeOptions> = { paths: true, out: true, partial: true }

/** What a merge of shards found. */
export interface MergeReport {
  readonly queries: number
  readonly outcomes: number
  /** Outcomes that were in two shards, and how many of them disagreed; the first shard's stays. */
  readonly repeated: number
  readonly disagreements: number
  /** What is missing, as sentences; empty unless `partial`. */
  readonly missing: readonly string[]
}

type Line = QueryLine | OutcomeLine | PlanLine | ExtensionLine

interface ShardFile {
  readonly path: string
  readonly header: MeasureHeader
  readonly shard: NonNullable<MeasureHeader['shard']>
  readonly plans: readonly PlanLine[]
  readonly queries: Map<number, QueryLine>
  /** Query id -> what later plans added, by key. */
  readonly extensions: Map<number, [string, ExtensionLine][]>
  readonly outcomes: Map<string, OutcomeLine>
}

/**
 * Joins the journals of all shards into one, which is what a run without shards measures, in a
 * fixed order: queries ascending, outcomes by rank, then pointer.
 *
 * @throws InputError if the files are not shards of one generation (protocol, data, cut, plans), a
 * shard is given twice, queries or outcomes of the last plan are missing, or `out` holds something else
 */
export async function mergeShards(options: MergeOptions): Promise<MergeReport> {
  refuseUnknownOptions(options, MERGE_OPTIONS, 'rl-generate: mergeShards')
  const { paths, out, partial = false } = options
  const shards: ShardFile[] = []
  for (const path of paths) shards.push(await readShard(path))
  shards.sort((a, b) => a.shard.index - b.shard.index)
  checkOneGeneration(shards)
  const missing = whatIsMissing(shards)
  if (missing.length > 0 && !partial) {
    const shown =
      missing.slice(0, 5).join('; ') + (missing.length > 5 ? `; and ${missing.length - 5} more` : '')
    throw new InputError(
      `rl-generate: the shards are not complete: ${shown}; finish them by the same commands, then merge`,
    )
  }
  const counts = { repeated: 0, disagreements: 0 }
  const queries = new Map<number, QueryLine>()
  const extensions = new Map<number, [string, ExtensionLine][]>()
  const outcomes = new Map<string, OutcomeLine>()
  for (const shard of shards) {
    for (const [id, line] of shard.queries) if (!queries.has(id)) queries.set(id, line)
    for (const [id, lines] of shard.extensions) if (!extensions.has(id)) extensions.set(id, lines)
    for (const [key, line] of shard.outcomes) {
      const before = outcomes.get(key)
      if (before === undefined) outcomes.set(key, line)
      else {
        counts.repeated += 1
        if (!agrees(before, line)) counts.disagreements += 1
      }
    }
  }
  const { header, plans } = shards[0]!
  await writeOnce(out, journalText({ meta: header._meta, plans, queries, extensions, outcomes }))
  return { queries: queries.size, outcomes: outcomes.size, ...counts, missing }
}

async function readShard(path: string): Promise<ShardFile> {
  const { header, entries } = await readJournal<Line>(path)
  const { shard } = header as Partial<MeasureHeader>
  if (shard === undefined) {
    throw new InputError(
      `rl-generate: ${path} is not the journal of a shard; merge needs files of lever generate --shard`,
    )
  }
  const said = new Map<number, PlanLine>()
  const queries = new Map<number, QueryLine>()
  const extensions: ShardFile['extensions'] = new Map()
  const outcomes = new Map<string, OutcomeLine>()
  for (const { key, value } of entries) {
    if (parseFailedKey(key) !== undefined) continue
    const of = parsePlanKey(key)
    if (key.startsWith(QUERY_PREFIX)) queries.set(Number(key.slice(QUERY_PREFIX.length)), value as QueryLine)
    else if (of === undefined) outcomes.set(key, value as OutcomeLine)
    else if (of.query === undefined) said.set(of.plan, value as PlanLine)
    else {
      const before = extensions.get(of.query) ?? []
      extensions.set(of.query, [...before, [key, value as ExtensionLine]])
    }
  }
  const count = said.size + (said.has(0) ? 0 : 1)
  const plans = Array.from({ length: count }, (_, i) => said.get(i) ?? {})
  return { path, header: header as MeasureHeader, shard, plans, queries, extensions, outcomes }
}

function checkOneGeneration(shards: readonly ShardFile[]): void {
  const [first] = shards
  if (first === undefined) throw new InputError('rl-generate: there are no shards to merge; name their files')
  for (const [i, other] of shards.entries()) {
    const { index, count } = other.shard
    const unlike = differences(
      { ...first.header, shard: { ...first.shard, index }, plans: first.plans },
      { ...other.header, plans: other.plans },
    )
    if (unlike.length > 0) {
      throw new InputError(
        `rl-generate: ${first.path} (there) and ${other.path} (here) are not of one generation: ${unlike.slice(0, 5).join('; ')}`,
      )
    }
    if (i > 0 && shards[i - 1]!.shard.index === index) {
      throw new InputError(
        `rl-generate: shard ${index}/${count} is given twice: ${shards[i - 1]!.path} and ${other.path}; name each shard once`,
      )
    }
  }
}

function whatIsMissing(shards: readonly ShardFile[]): string[] {
  const { count, queries: total, ids } = shards[0]!.shard
  const byIndex = new Map(shards.map((shard) => [shard.shard.index, shard]))
  const missing: string[] = []
  for (let index = 0; index < count; index++) {
    const shard = byIndex.get(index)
    const size = Math.floor((total * (index + 1)) / count) - Math.floor((total * index) / count)
    if (shard === undefined) missing.push(`shard ${index}/${count} is not among the files`)
    else if (shard.queries.size < size) {
      missing.push(`shard ${index}/${count} (${shard.path}) has ${shard.queries.size} of ${size} queries`)
    } else for (const text of unfinishedQueries(shard)) missing.push(text)
  }
  const all = new Set(shards.flatMap(({ queries }) => [...queries.keys()]))
  if (missing.length === 0 && hashOf([...all].sort((a, b) => a - b)) !== ids) {
    missing.push('the queries of the shards together are not those of the generation')
  }
  return missing
}

function unfinishedQueries({ path, plans, queries, extensions, outcomes }: ShardFile): string[] {
  const last = plans.length - 1
  const counts = new Map<number, number>()
  for (const { query_id } of outcomes.values()) counts.set(query_id, (counts.get(query_id) ?? 0) + 1)
  return [...queries].flatMap(([id, line]) => {
    const count = counts.get(id) ?? 0
    const later = extensions.get(id) ?? []
    const { planned } = later.at(-1)?.[1] ?? line
    if (count < planned) return [`query ${id} (${path}) has ${count} of ${planned} outcomes`]
    const reached = (line.plan ?? 0) === last || later.some(([key]) => key === extensionKey(last, id))
    return reached ? [] : [`query ${id} (${path}) has no outcomes of the last plan`]
  })
}

function journalText({
  meta,
  plans,
  queries,
  extensions,
  outcomes,
}: Pick<ShardFile, 'plans' | 'queries' | 'extensions' | 'outcomes'> & { meta: unknown }): Buffer {
  const groups = new Map<number, [string, OutcomeLine][]>(
    [...queries.keys()].sort((a, b) => a - b).map((id) => [id, []]),
  )
  for (const [key, line] of outcomes) groups.get(line.query_id)?.push([key, line])
  const parts = [journalHeaderLine({ _meta: meta })]
  const add = (values: readonly (readonly [string, unknown])[]): void => {
    parts.push(values.map(([key, value]) => journalLine(key, value)).join(''))
  }
  add(plans.map((plan, i) => [`plan:${i}`, plan] as const).filter(([, plan]) => Object.keys(plan).length > 0))
  for (const [id, lines] of groups) {
    add([
      [`${QUERY_PREFIX}${id}`, queries.get(id)],
      ...(extensions.get(id) ?? []),
      ...lines.sort(compareLines),
    ])
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

function compareLines([aKey, a]: [string, OutcomeLine], [bKey, b]: [string, OutcomeLine]): number {
  const byRank = (a.rank ?? 0) - (b.rank ?? 0)
  if (byRank !== 0) return byRank
  const at = a.pointer.findIndex((id, i) => id !== b.pointer[i])
  return at >= 0 ? a.pointer[at]! - b.pointer[at]! : aKey < bKey ? -1 : 1
}

async function writeOnce(path: string, bytes: Buffer): Promise<void> {
  const before = await readFile(path).catch(() => undefined)
  if (before?.equals(bytes) === true) return
  if (before !== undefined) {
    throw new InputError(`rl-generate: ${path} exists and holds something else; choose another --out`)
  }
  await writeFileAtomic(path, bytes)
}
