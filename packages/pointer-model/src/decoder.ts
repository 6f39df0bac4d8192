import type { Value } from '@lever/onnx-grad'

/** Queries whose pointers are decoded together, with pools padded to N. */
export interface DecoderBatch {
  /** B */
  readonly queries: number
  /** N */
  readonly pool: number
  /** Embeddings of the queries [B, D]. */
  readonly query: Float32Array
  /** Rows of the item features [B, N]. */
  readonly rows: Int32Array
  /** [B, N], 0 where a pool is padded or a candidate excluded. */
  readonly valid: Uint8Array
}

type Values = Readonly<Record<string, Value>>

/** P pointers of every query after some choices: the scores of the next one, and what continues them. */
export interface Frontier {
  /** P */
  readonly beams: number
  /** Choices made so far. */
  readonly step: number
  /** [B, P, C], masked. */
  readonly logits: Float32Array
  /** [B, P, C], 1 where a candidate may not be chosen. */
  readonly blocked: Float32Array
  readonly state: Values
}

/** Steps of a batch of pointers; every strategy of decoding is a function of it. */
export interface Decoder {
  readonly batch: DecoderBatch
  /** C: N, or N + 1 where candidate N is STOP. */
  readonly choices: number
  /** Before the first choice, P = 1. */
  start(): Promise<Frontier>
  /**
   * Continues pointers: new pointer p of query b is pointer `parents[b, p]` of the frontier with
   * candidate `chosen[b, p]` added. After STOP only STOP can follow.
   */
  advance(from: Frontier, parents: Int32Array, chosen: Int32Array): Promise<Frontier>
}

/** Runs one of the policy's graphs; the weights are added to the inputs. */
export type RunGraph = (graph: 'begin' | 'next', inputs: Values) => Promise<Values>

/** A decoder over the graphs of `policyGraphs`. `items` are the item features [M, *]. */
export function createDecoder(
  run: RunGraph,
  items: Values,
  batch: DecoderBatch,
  { dim, stops }: { dim: number; stops: boolean },
): Decoder {
  const { queries: B, pool: N } = batch
  const C = stops ? N + 1 : N
  const inputs = batchInputs(batch, dim)
  let memory: Values = {}
  return {
    batch,
    choices: C,
    async start() {
      const result = await run('begin', { ...items, ...inputs })
      memory = withPrefix(result, 'memory.')
      const blocked = new Float32Array(B * C)
      for (let b = 0; b < B; b++) {
        for (let n = 0; n < N; n++) blocked[b * C + n] = 1 - batch.valid[b * N + n]!
      }
      return { beams: 1, step: 0, logits: logitsOf(result), blocked, state: withPrefix(result, 'state.') }
    },
    async advance(from, parents, chosen) {
      const beams = parents.length / B
      const hot = new Float32Array(B * beams * C)
      const blocked = takeParents(from.blocked, parents, B, from.beams, C)
      chosen.forEach((position, i) => {
        hot[i * C + position] = 1
        if (position === N) blocked.fill(1, i * C, i * C + N)
        else blocked[i * C + position] = 1
      })
      const dims = [B, beams, C]
      const step = from.step + 1
      const result = await run('next', {
        ...Object.fromEntries(
          Object.entries(from.state).map(([name, value]) => [name, reorder(value, parents, B, from.beams)]),
        ),
        ...memory,
        valid: inputs['valid']!,
        chosen: { dtype: 'float32', dims, data: hot },
        blocked: { dtype: 'float32', dims, data: blocked },
        step: { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(step)) },
      })
      return { beams, step, logits: logitsOf(result), blocked, state: withPrefix(result, 'after.', 'state.') }
    },
  }
}

/** The inputs of a batch as the graphs take them. */
export function batchInputs({ queries: B, pool: N, query, rows, valid }: DecoderBatch, dim: number): Values {
  return {
    query: { dtype: 'float32', dims: [B, dim], data: query },
    pool: { dtype: 'int32', dims: [B, N], data: rows },
    valid: { dtype: 'bool', dims: [B, N], data: valid },
  }
}

/** The logits of a result. Throws Error when one is not a number. */
export function logitsOf(result: Values): Float32Array {
  const logits = result['logits']!.data as Float32Array
  for (const score of logits) {
    if (Number.isNaN(score)) {
      throw new Error(
        'pointer-model: a score is not a number; the embeddings or the weights hold NaN or infinities',
      )
    }
  }
  return logits
}

/** The positions [<= K] of choices up to STOP, which is candidate `pool`. */
export function untilStop(choices: readonly number[], pool: number): Int32Array {
  const end = choices.indexOf(pool)
  return Int32Array.from(end < 0 ? choices : choices.slice(0, end))
}

/** The values whose names start with `prefix`, renamed to start with `renamed`. */
function withPrefix(values: Values, prefix: string, renamed = prefix): Values {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [renamed + name.slice(prefix.length), value]),
  )
}

function reorder(value: Value, parents: Int32Array, queries: number, beams: number): Value {
  const width = value.dims.slice(2).reduce((a, b) => a * b, 1)
  const data = takeParents(value.data as Float32Array, parents, queries, beams, width)
  return { ...value, dims: [queries, parents.length / queries, ...value.dims.slice(2)], data }
}

/** Rows [B, P', W] of `from` [B, P, W] by parents [B, P']. */
function takeParents(
  from: Float32Array,
  parents: Int32Array,
  queries: number,
  beams: number,
  width: number,
): Float32Array {
  const next = parents.length / queries
  const taken = new Float32Array(parents.length * width)
  parents.forEach((parent, i) => {
    const start = (Math.floor(i / next) * beams + parent) * width
    taken.set(from.subarray(start, start + width), i * width)
  })
  return taken
}
