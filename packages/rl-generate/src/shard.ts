import { InputError } from '@lever/durable-files'
import { imageOrder } from './measure/order.ts'
import type { Example } from './types.ts'

/** Part `index` (from 0) of `count`. */
export interface Shard {
  readonly index: number
  readonly count: number
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads "i/n" with i from 0 to n-1. "auto/n" takes i from `SLURM_ARRAY_TASK_ID` or
 * `JOB_COMPLETION_INDEX`, so that single tasks may be submitted again (`--array=3`); "auto" takes
 * n too, from a Slurm array without gaps.
 *
 * @throws InputError for anything else, and where the counts of the environment do not fit n
 */
export function parseShard(text: string, env: Environment = {}): Shard {
  const [, part = '', total] = /^(auto|\d+)(?:\/(\d+))?$/.exec(text.trim()) ?? []
  if (part === 'auto') return total === undefined ? wholeArray(text, env) : taskOf(text, Number(total), env)
  return checked(text, Number(part === '' ? NaN : part), Number(total))
}

/** The queries of a shard: a run of neighbours by image, so that no image is in two shards without need. */
export function shardQueries<E extends Example>(queries: readonly E[], { index, count }: Shard): E[] {
  const sorted = imageOrder(queries)
  const cut = (part: number): number => Math.floor((sorted.length * part) / count)
  return sorted.slice(cut(index), cut(index + 1))
}

function taskOf(text: string, count: number, env: Environment): Shard {
  const last = numberOf(env, 'SLURM_ARRAY_TASK_MAX')
  if (last !== undefined && last >= count) {
    throw new InputError(
      `rl-generate: "${text}" needs array tasks from 0 to ${count - 1}, and this array goes to ${last}; submit it with --array=0-${count - 1}`,
    )
  }
  const index = numberOf(env, 'SLURM_ARRAY_TASK_ID') ?? numberOf(env, 'JOB_COMPLETION_INDEX')
  return checked(text, index, count)
}

function wholeArray(text: string, env: Environment): Shard {
  const [id, count] = [numberOf(env, 'SLURM_ARRAY_TASK_ID'), numberOf(env, 'SLURM_ARRAY_TASK_COUNT')]
  if (id === undefined || count === undefined) return checked(text, id, count)
  const first = numberOf(env, 'SLURM_ARRAY_TASK_MIN') ?? 0
  const step = numberOf(env, 'SLURM_ARRAY_TASK_STEP') ?? 1
  const last = numberOf(env, 'SLURM_ARRAY_TASK_MAX') ?? first + (count - 1) * step
  const index = (id - first) / step
  if (last === first + (count - 1) * step && Number.isInteger(index)) return checked(text, index, count)
  throw new InputError(
    `rl-generate: the array of ${count} tasks from ${first} to ${last} has gaps, so "${text}" cannot tell which part task ${id} is; write auto/n with the n of the whole`,
  )
}

function checked(text: string, index: number | undefined, count: number | undefined): Shard {
  if (index !== undefined && count !== undefined && Number.isSafeInteger(count) && index < count) {
    return { index, count }
  }
  const found = text.startsWith('auto') ? ` (index found: ${index ?? 'none'}, count: ${count ?? 'none'})` : ''
  throw new InputError(
    `rl-generate: "${text}" is not a shard; write i/n with i from 0 to n-1 (0/4, 1/4, 2/4, 3/4), or auto/n in a Slurm array or a Kubernetes Indexed Job${found}`,
  )
}

function numberOf(env: Environment, name: string): number | undefined {
  const text = env[name]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
