import { InputError } from '@lever/durable-files'
import { imageOrder } from './measure/order.ts'
import type { Example } from './types.ts'

/** Part `index` (from 0) of `count`. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * Reads "i/n" with i from 0 to n-1; "auto/n" and "auto" take i (and n) from `SLURM_ARRAY_TASK_ID`
 * (less `SLURM_ARRAY_TASK_MIN`, of `SLURM_ARRAY_TASK_COUNT`) or `JOB_COMPLETION_INDEX`.
 *
 * @throws InputError for anything else
 */
export function parseShard(text: string, env: Readonly<Record<string, string | undefined>> = {}): Shard {
  const [, part = '', total] = /^(auto|\d+)(?:\/(\d+))?$/.exec(text.trim()) ?? []
  const index = part === 'auto' ? indexFrom(env) : part === '' ? undefined : Number(part)
  const count = Number(total ?? (part === 'auto' ? env['SLURM_ARRAY_TASK_COUNT'] : undefined))
  if (index !== undefined && Number.isSafeInteger(count) && index < count) return { index, count }
  throw new InputError(
    `rl-generate: "${text}" is not a shard; write i/n with i from 0 to n-1 (0/4, 1/4, 2/4, 3/4), or auto/n in a Slurm array or a Kubernetes Indexed Job` +
      (part === 'auto' ? ` (index found: ${index ?? 'none'}, count: ${total ?? 'none'})` : ''),
  )
}

/** The queries of a shard: a run of neighbours by image, so that no image is in two shards without need. */
export function shardQueries<E extends Example>(queries: readonly E[], { index, count }: Shard): E[] {
  const sorted = imageOrder(queries)
  const cut = (part: number): number => Math.floor((sorted.length * part) / count)
  return sorted.slice(cut(index), cut(index + 1))
}

function indexFrom(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const slurm = env['SLURM_ARRAY_TASK_ID']
  const text = slurm ?? env['JOB_COMPLETION_INDEX']
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const first = slurm === undefined ? 0 : Number(env['SLURM_ARRAY_TASK_MIN'] ?? 0)
  return Number(text) - first
}
