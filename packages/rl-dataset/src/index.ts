export {
  pointerIds,
  type IndexSpace,
  type RlCandidate,
  type RlData,
  type RlHistoryEntry,
  type RlMeta,
  type RlQuery,
  type RlQuestion,
  type RlShard,
  type RlShot,
  type VqaEvalMode,
} from './types.ts'
export {
  CANDIDATE_FIELDS,
  META_FIELDS,
  QUESTION_FIELDS,
  SCHEMA_VERSION,
  SHOT_FIELDS,
  candidateSchema,
  metaSchema,
  querySchema,
  rlDataSchema,
  type JsonSchema,
} from './schema.ts'
export type { EmbeddingIndex, Group } from './groups.ts'
