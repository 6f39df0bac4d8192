/** Version of the canonical form. Files with another major version are refused. */
export const SCHEMA_VERSION = '5.0'

/** A JSON Schema of draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>

type Properties = Readonly<Record<string, JsonSchema>>

/** Largest id that a number holds exactly. */
const MAX_ID = Number.MAX_SAFE_INTEGER

const id: JsonSchema = { type: 'integer', minimum: 0, maximum: MAX_ID }
const ids: JsonSchema = { type: 'array', items: id }
const number: JsonSchema = { type: ['number', 'null'] }
const unit: JsonSchema = { type: ['number', 'null'], minimum: 0, maximum: 1 }
const text: JsonSchema = { type: ['string', 'null'] }
const correct: JsonSchema = { enum: [0, 1, null] }
const evalMode: JsonSchema = { enum: ['file', 'fallback', 'error'] }
const looseId: JsonSchema = { type: ['integer', 'string'], minimum: -MAX_ID, maximum: MAX_ID }
const optionalId: JsonSchema = { type: ['integer', 'string', 'null'], minimum: -MAX_ID, maximum: MAX_ID }
const record: JsonSchema = { type: 'object' }
const strings: JsonSchema = { type: 'array', items: { type: 'string' } }

const shot: JsonSchema = {
  type: 'object',
  required: ['k'],
  properties: {
    k: { type: 'integer', minimum: 0 },
    vqa_pred_answer: text,
    vqa_correct: correct,
    vqa_acc_score: unit,
    vqa_gt_prob: unit,
    vqa_rel_score: unit,
    vqa_eval_mode: evalMode,
    id,
    score: number,
  } satisfies Properties,
}

const candidateProperties: Properties = {
  pointer: { type: 'array', minItems: 1, items: id },
  pointer_global: { type: 'array', minItems: 1, items: id },
  pointer_pos: ids,
  gen_method: { type: 'string' },
  rank: { type: 'integer', minimum: 0 },
  beam_rank: { type: ['integer', 'null'] },
  beam_score: number,
  logprob_score: number,
  temperature: number,
  similarity_score: number,
  vqa_raw_generation: text,
  vqa_pred_answer: text,
  vqa_correct: correct,
  vqa_acc_score: unit,
  vqa_gt_prob: unit,
  vqa_rel_token_f1: unit,
  vqa_rel_edit_sim: unit,
  vqa_rel_score: unit,
  vqa_eval_mode: evalMode,
  eval_split_used: text,
  eval_failed: { type: 'boolean' },
  eval_error: { type: 'string' },
  eval_error_kind: { type: 'string', enum: ['transient', 'refused', 'prompt'] },
  vqa_prompt_text: text,
  vqa_prompt_len: { type: ['integer', 'null'] },
  shots: { type: 'array', items: shot },
  derived: { type: 'boolean' },
  transferred_reward: { type: 'boolean' },
  source_queries: { type: 'array', items: looseId },
  aug_type: { type: 'string' },
  aug_round: { type: 'integer' },
  proxy_score: number,
}

const questionProperties: Properties = {
  query_id: id,
  question_id: looseId,
  image_id: optionalId,
  question: { type: 'string' },
  gt_answers_raw: strings,
  gt_answers_norm: strings,
}

const metaProperties: Properties = {
  schema: { type: 'string' },
  schema_version: { type: 'string' },
  created_at: { type: 'string' },
  generator: record,
  dataset: { type: ['object', 'string'] },
  embeddings: record,
  vqa_model: { type: 'string' },
  task_gen_args: record,
  protocol: { type: 'object', properties: { hash: { type: 'string' } } },
  eval: record,
  strict_eval: { type: 'boolean' },
  save_prompts: { type: 'boolean' },
  notes: { type: 'string' },
  index_space: { enum: ['local', 'global'] },
  shot_num: { type: 'integer', minimum: 1 },
  pool_size: { type: 'integer', minimum: 1 },
  shards: {
    type: 'array',
    items: {
      type: 'object',
      required: ['file'],
      properties: {
        file: { type: 'string' },
        range: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'integer', minimum: 0 } },
        sha256: { type: 'string' },
      },
    },
  },
  history: {
    type: 'array',
    items: {
      type: 'object',
      required: ['op'],
      properties: { op: { type: 'string' }, at: { type: 'string' }, params: record },
    },
  },
  train_ids: { type: 'array', items: looseId },
  val_ids: { type: 'array', items: looseId },
  test_ids: { type: 'array', items: looseId },
}

/** One measured pointer. */
export const candidateSchema: JsonSchema = {
  type: 'object',
  required: ['pointer'],
  properties: candidateProperties,
}

/** One query: what a key of the file holds. */
export const querySchema: JsonSchema = {
  type: 'object',
  required: ['query', 'pointer_candidates'],
  properties: {
    query_id: id,
    query: { type: 'object', properties: questionProperties },
    candidate_pool_ids: { type: ['array', 'null'], items: id },
    pointer_candidates: { type: 'array', items: candidateSchema },
  },
}

/** `_meta`. */
export const metaSchema: JsonSchema = { type: 'object', properties: metaProperties }

/** A whole file in the canonical form. Unknown fields are allowed and reported by `validate`. */
export const rlDataSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'lever-rl-5.0',
  title: 'Lever RL data',
  type: 'object',
  properties: { _meta: metaSchema },
  patternProperties: { '^(0|[1-9][0-9]*)$': querySchema },
  additionalProperties: false,
}

/** The fields of a candidate, in the order in which they are written. */
export const CANDIDATE_FIELDS: readonly string[] = Object.keys(candidateProperties)

/** The fields of `query`, in the order in which they are written. */
export const QUESTION_FIELDS: readonly string[] = Object.keys(questionProperties)

/** The fields of `_meta` that have a meaning here, in the order in which they are written. */
export const META_FIELDS: readonly string[] = Object.keys(metaProperties)

/** The fields of a shot, in the order in which they are written. */
export const SHOT_FIELDS: readonly string[] = Object.keys(shot['properties'] as Properties)
