/** How an outcome was scored: by the official metric, by the string matcher, or not at all. */
export type VqaEvalMode = 'file' | 'fallback' | 'error'

/** What the VQA model did with the first k demonstrations of a pointer. */
export interface RlShot {
  readonly k: number
  readonly vqa_pred_answer?: string
  readonly vqa_correct?: number | null
  readonly vqa_acc_score?: number | null
  readonly vqa_gt_prob?: number | null
  readonly vqa_rel_score?: number | null
  readonly vqa_eval_mode?: VqaEvalMode
  /** Id of the demonstration added at this step, and its InfoScore (beam files). */
  readonly id?: number
  readonly score?: number | null
}

/** One pointer of a query with its outcome: one candidate of `pointer_candidates`. */
export interface RlCandidate {
  /** [K] positions in `candidate_pool_ids` when `pointer_global` is present, else ids of examples. In prompt order. */
  readonly pointer: readonly number[]
  /** [K] ids of examples: `candidate_pool_ids[pointer]`. */
  readonly pointer_global?: readonly number[]
  /** [K] positions in the pool of whoever proposed the pointer. For information. */
  readonly pointer_pos?: readonly number[]
  readonly gen_method?: string
  /** Place of the pointer among the proposals for its query, from 0. Orders the candidates of a journal. */
  readonly rank?: number
  readonly beam_rank?: number | null
  readonly beam_score?: number | null
  readonly logprob_score?: number | null
  readonly temperature?: number | null
  readonly similarity_score?: number | null
  readonly vqa_raw_generation?: string | null
  readonly vqa_pred_answer?: string | null
  readonly vqa_correct?: number | null
  readonly vqa_acc_score?: number | null
  /** Expected accuracy E. */
  readonly vqa_gt_prob?: number | null
  readonly vqa_rel_token_f1?: number | null
  readonly vqa_rel_edit_sim?: number | null
  readonly vqa_rel_score?: number | null
  readonly vqa_eval_mode?: VqaEvalMode
  readonly eval_split_used?: string | null
  readonly eval_failed?: boolean
  readonly eval_error?: string
  /**
   * Whose fault the failure is: `transient` that of a server or device, which a later run measures again; `refused` the
   * model declines the prompt; `prompt` the prompt's own.
   */
  readonly eval_error_kind?: 'transient' | 'refused' | 'prompt'
  readonly vqa_prompt_text?: string | null
  readonly vqa_prompt_len?: number | null
  readonly shots?: readonly RlShot[]
  /** `vqa_correct` was not in the file; it was made of `vqa_acc_score > 0`. */
  readonly derived?: boolean
  /** The outcome was measured for another query and copied here. */
  readonly transferred_reward?: boolean
  /** Ids of the queries that the outcome was copied from. */
  readonly source_queries?: readonly (number | string)[]
  readonly aug_type?: string
  readonly aug_round?: number
  readonly proxy_score?: number | null
}

/** The question that a query asks. */
export interface RlQuestion {
  readonly query_id?: number
  readonly question_id?: number | string
  readonly image_id?: number | string | null
  readonly question?: string
  readonly gt_answers_raw?: readonly string[]
  readonly gt_answers_norm?: readonly string[]
}

/** A query with its pool and the pointers measured for it. */
export interface RlQuery {
  readonly query_id: number
  readonly query: RlQuestion
  /** [N] ids of the solved examples that a pointer of this query may show; null when the file does not say. */
  readonly candidate_pool_ids: readonly number[] | null
  /** [G] */
  readonly pointer_candidates: readonly RlCandidate[]
}

/** `_meta` of a file. Every field is optional when read; further fields are kept as they are. */
export interface RlMeta {
  readonly schema?: string
  readonly schema_version?: string
  readonly created_at?: string
  readonly generator?: Readonly<Record<string, unknown>>
  readonly dataset?: Readonly<Record<string, unknown>> | string
  readonly embeddings?: Readonly<Record<string, unknown>>
  readonly vqa_model?: string
  readonly task_gen_args?: Readonly<Record<string, unknown>>
  readonly protocol?: Readonly<Record<string, unknown>> & { readonly hash?: string }
  readonly eval?: Readonly<Record<string, unknown>>
  readonly strict_eval?: boolean
  readonly save_prompts?: boolean
  readonly notes?: string
  readonly index_space?: IndexSpace
  readonly shot_num?: number
  readonly pool_size?: number
  readonly shards?: readonly RlShard[]
  readonly history?: readonly RlHistoryEntry[]
  readonly train_ids?: readonly (number | string)[]
  readonly val_ids?: readonly (number | string)[]
  readonly test_ids?: readonly (number | string)[]
  readonly [field: string]: unknown
}

/** What `pointer` means: positions in the pool of the query, or ids of examples. */
export type IndexSpace = 'local' | 'global'

/** A file that was merged: its name, the queries it covered, its hash. */
export interface RlShard {
  readonly file: string
  readonly range?: readonly [start: number, end: number]
  readonly sha256?: string
}

/** One operation that made a file out of others. */
export interface RlHistoryEntry {
  readonly op: string
  readonly at?: string
  readonly params?: Readonly<Record<string, unknown>>
}

/** The data of one file, every shape of the original turned into the canonical one. Queries are sorted by id. */
export interface RlData {
  /** null when the file has no `_meta`. */
  readonly meta: RlMeta | null
  readonly queries: readonly RlQuery[]
}

/** The ids of the demonstrations of a candidate, [K], whatever `pointer` means. */
export function pointerIds(candidate: RlCandidate): readonly number[] {
  return candidate.pointer_global ?? candidate.pointer
}

/** Has the candidate the outcome of a decoded answer? */
export function isScored({ vqa_acc_score, vqa_correct }: RlCandidate): boolean {
  return typeof vqa_acc_score === 'number' || typeof vqa_correct === 'number'
}

/** Whether the answer of a candidate counts as right. */
export function isPositive({ vqa_correct }: RlCandidate): boolean {
  return vqa_correct === 1
}

/** The accuracy, or the correctness where there is no accuracy; where nothing was decoded, the expected accuracy. */
export function accuracyOf({ vqa_acc_score, vqa_correct, vqa_gt_prob }: RlCandidate): number {
  return vqa_acc_score ?? vqa_correct ?? vqa_gt_prob ?? 0
}

/** The expected accuracy E, which the field `vqa_gt_prob` holds; undefined where it was not measured. */
export function expectedOf({ vqa_gt_prob }: Pick<RlCandidate, 'vqa_gt_prob'>): number | undefined {
  return vqa_gt_prob ?? undefined
}
