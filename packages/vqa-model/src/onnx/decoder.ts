import { InputError } from '@lever/durable-files'
import { isOutOfMemory } from './failures.ts'
import type { ModelFolder } from './folder.ts'
import { floatTensor, floatType, lastColumns } from './half.ts'
import { bytesPerSlot, type KvBlock, type KvLayout } from './kv.ts'
import type { Ort, Session, Tensor } from './ort.ts'

/** New tokens for every row of a block, padded on the right to the same length S. */
export interface DecoderInput {
  past: KvBlock
  /** S */
  length: number
  /** [rows, S] token ids for a decoder that embeds them itself, or their embeddings [rows, S, D] */
  tokens: BigInt64Array | Float32Array
  /** [rows] tokens that count */
  lengths: ArrayLike<number>
  /** [3, rows, S] */
  positions: Int32Array
  /** [rows] position of the token after */
  next: Int32Array
  /** logits of the last `keep` columns are wanted; 0 for none */
  keep: number
  /** whether the keys and values of the new tokens are wanted */
  cache: boolean
}

export interface DecoderOutput {
  /** [rows, columns, V] */
  logits: Float32Array
  columns: number
  rows: number
  block: KvBlock | undefined
}

export interface Decoder {
  readonly width: number
  readonly layout: KvLayout
  readonly bytesPerSlot: number
  run(input: DecoderInput): Promise<DecoderOutput>
}

/** Inputs besides keys and values that this package can give. */
const KNOWN = new Set(['attention_mask', 'position_ids', 'num_logits_to_keep'])

/** The decoder's session with its inputs put together. @throws InputError for a foreign interface */
export function createDecoder(ort: typeof Ort, session: Session, folder: ModelFolder): Decoder {
  const { layers, width } = folder
  const inputs = new Map(session.inputMetadata.map((value) => [value.name, value]))
  const key = inputs.get('past_key_values.0.key')!
  const mrope = folder.family.positions === 'mrope'
  const tokensName = folder.decoder === 'model' ? 'input_ids' : 'inputs_embeds'
  requireInterface(session, folder, tokensName)
  const shape = key.isTensor ? key.shape : []
  const layout: KvLayout = {
    layers,
    heads: typeof shape[1] === 'number' ? shape[1] : folder.kvHeads,
    headDim: typeof shape[3] === 'number' ? shape[3] : folder.headDim,
    type: key.isTensor && key.type === 'float16' ? 'float16' : 'float32',
  }
  const pastNames = Array.from({ length: layers }, (_, l) =>
    ['key', 'value'].map((part) => `past_key_values.${l}.${part}`),
  ).flat()
  const presentNames = pastNames.map((name) => name.replace('past_key_values', 'present'))
  const slices = inputs.has('num_logits_to_keep')
  const positioned = inputs.has('position_ids')
  const embedType = tokensName === 'inputs_embeds' ? floatType(session, tokensName) : 'float32'

  return {
    width,
    layout,
    bytesPerSlot: bytesPerSlot(layout),
    async run({ past, length, tokens, lengths, positions, next, keep, cache }) {
      const { rows } = past
      const slots = past.slots + length
      const mask = extendMask(past, length, lengths)
      const feeds: Record<string, Tensor> = {
        [tokensName]:
          tokens instanceof BigInt64Array
            ? new ort.Tensor('int64', tokens, [rows, length])
            : floatTensor(ort, embedType, tokens, [rows, length, width]),
        attention_mask: new ort.Tensor('int64', toInt64(mask), [rows, slots]),
      }
      if (positioned) {
        const axes = mrope ? positions : positions.subarray(0, rows * length)
        const dims = mrope ? [3, rows, length] : [rows, length]
        feeds['position_ids'] = new ort.Tensor('int64', toInt64(axes), dims)
      }
      if (slices) {
        feeds['num_logits_to_keep'] = new ort.Tensor('int64', BigInt64Array.of(BigInt(Math.max(keep, 1))), [])
      }
      pastNames.forEach((name, i) => (feeds[name] = past.past[i]!))
      const fetches = [...(keep > 0 ? ['logits'] : []), ...(cache ? presentNames : [])]
      const outputs = await session.run(feeds, fetches).catch((cause: unknown) => {
        throw failure(cause as Error, `${rows} x ${length} tokens after ${past.slots}`)
      })
      const { floats: logits, columns } =
        keep > 0 ? lastColumns(outputs['logits']!, keep) : { floats: new Float32Array(0), columns: 0 }
      return {
        logits,
        columns,
        rows,
        block: cache
          ? { rows, slots, mask, next, past: presentNames.map((name) => outputs[name]!) }
          : undefined,
      }
    },
  }
}

/** @throws InputError for inputs that are missing, or that nobody here can give */
function requireInterface(session: Session, folder: ModelFolder, tokensName: string): void {
  const { layers } = folder
  const file = folder.sessions[folder.decoder]!
  const positions = folder.family.positions === 'mrope' ? ['position_ids'] : []
  const missing = [tokensName, 'attention_mask', 'past_key_values.0.key']
    .concat(`past_key_values.${layers - 1}.value`, positions)
    .filter((name) => !session.inputNames.includes(name))
    .concat(session.outputNames.includes('logits') ? [] : ['logits'])
  const unknown = session.inputNames.filter(
    (name) => name !== tokensName && !KNOWN.has(name) && !name.startsWith('past_key_values.'),
  )
  if (unknown.length > 0) {
    throw new InputError(
      `vqa-model: ${file} also takes ${unknown.join(', ')}, which neither this package ` +
        `nor transformers.js can give; use another export of the model`,
    )
  }
  if (missing.length === 0) return
  throw new InputError(
    `vqa-model: ${file} has the inputs ${session.inputNames.join(', ')} and the outputs ` +
      `${session.outputNames.join(', ')}; a merged decoder with ${layers} layers of KV cache is needed ` +
      `(missing: ${missing.join(', ')})`,
  )
}

function failure(cause: Error, what: string): Error {
  const remedy = isOutOfMemory(cause)
    ? '; use fewer workers, smaller images (pixels.max) or smaller batches (batchTokens, batchRows)'
    : ''
  return new Error(`vqa-model: the decoder failed on ${what}: ${cause.message}${remedy}`, { cause })
}

function extendMask(past: KvBlock, length: number, lengths: ArrayLike<number>): Uint8Array {
  const slots = past.slots + length
  const mask = new Uint8Array(past.rows * slots)
  for (let row = 0; row < past.rows; row++) {
    mask.set(past.mask.subarray(row * past.slots, (row + 1) * past.slots), row * slots)
    const start = row * slots + past.slots
    mask.fill(1, start, start + lengths[row]!)
  }
  return mask
}

/** Non-negative integers as int64, written by their low halves. */
function toInt64(values: Uint8Array | Int32Array): BigInt64Array {
  const wide = new BigInt64Array(values.length)
  const halves = new Int32Array(wide.buffer)
  for (let i = 0; i < values.length; i++) halves[2 * i] = values[i]!
  return wide
}
