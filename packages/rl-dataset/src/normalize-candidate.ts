import { isResolved, resolvePointer, type PointerSpace } from './pointers.ts'
import type { ProblemSink } from './problems.ts'
import type { RlCandidate, VqaEvalMode } from './types.ts'
import { describe, isIds, isObject, type RawObject } from './values.ts'

/** What was seen in the candidates of a query; set while they are read. */
export interface CandidateSigns {
  local: boolean
  global: boolean
  transferred: boolean
  augmented: boolean
  evalMode: boolean
  balanced: boolean
}

/** The query whose candidates are read, and where findings go. */
export interface CandidateContext {
  readonly problems: ProblemSink
  readonly queryId: number
  readonly space: PointerSpace
  readonly seen: CandidateSigns
}

/** Spellings of `vqa_eval_mode` in files of the original, and what they mean. */
export const EVAL_MODE_ALIASES: ReadonlyMap<string, VqaEvalMode> = new Map<string, VqaEvalMode>([
  ['file', 'file'],
  ['vqaEval', 'file'],
  ['vqa', 'file'],
  ['train', 'file'],
  ['val', 'file'],
  ['fallback', 'fallback'],
  ['error', 'error'],
])

const RENAMED = [
  ['raw_generation', 'vqa_raw_generation'],
  ['prompt_text', 'vqa_prompt_text'],
] as const
const NULL_MEANS_ABSENT = ['vqa_eval_mode', 'gen_method', 'eval_failed'] as const

/**
 * One candidate of any shape in the canonical form: the object itself when nothing has to change, else a copy.
 * null when it cannot be turned, which is reported.
 */
export function normalizeCandidate(
  raw: unknown,
  candidate: number,
  context: CandidateContext,
): RlCandidate | null {
  const { seen } = context
  if (!isObject(raw))
    return fail(context, candidate, 'shape', `a candidate must be an object, got ${describe(raw)}`)
  const wrong = wrongPointerField(raw)
  if (wrong !== undefined) {
    const message = `${wrong} must be a list of ids (integers from 0 to 2^53 - 1), got ${describe(raw[wrong])}`
    return fail(context, candidate, 'pointer-ids', message, wrong)
  }
  const mode = raw['vqa_eval_mode']
  if (mode !== undefined && mode !== null && !(typeof mode === 'string' && EVAL_MODE_ALIASES.has(mode))) {
    const known = [...EVAL_MODE_ALIASES.keys()].join(', ')
    const message = `vqa_eval_mode ${describe(mode)} is unknown; known are ${known}`
    return fail(context, candidate, 'eval-mode', message, 'vqa_eval_mode')
  }
  noteSigns(raw, seen)
  const pointerChanges = resolve(raw, candidate, context)
  if (pointerChanges === null) return null
  if (pointerChanges === undefined && !needsChange(raw)) return raw as unknown as RlCandidate
  const changes: RawObject = { ...pointerChanges, ...changesOf(raw) }
  if (changes['transferred_reward'] === true) seen.transferred = true
  return applied(raw, changes)
}

/** The pointer fields to set, undefined when none has to be; null when they cannot be had, which is reported. */
function resolve(raw: RawObject, candidate: number, context: CandidateContext): RawObject | null | undefined {
  const { seen, space } = context
  if (isResolved(raw, space)) {
    seen[space.pool === null ? 'global' : 'local'] = true
    return undefined
  }
  const resolved = resolvePointer(raw, space)
  if ('problem' in resolved) return fail(context, candidate, resolved.rule, resolved.problem, 'pointer')
  const { pointer, pointer_global, from } = resolved
  seen[from] = true
  return { pointer, pointer_global }
}

function wrongPointerField({ pointer, pointer_global, pointer_pos }: RawObject): string | undefined {
  if (pointer !== undefined && !isIds(pointer)) return 'pointer'
  if (pointer_global !== undefined && !isIds(pointer_global)) return 'pointer_global'
  if (pointer_pos !== undefined && !isIds(pointer_pos)) return 'pointer_pos'
  return undefined
}

function fail(
  { problems, queryId }: CandidateContext,
  candidate: number,
  rule: string,
  message: string,
  field?: string,
): null {
  problems.error(rule, message, { queryId, candidate, ...(field === undefined ? {} : { field }) })
  return null
}

function needsChange(raw: RawObject): boolean {
  const { vqa_eval_mode: mode, vqa_correct: correct, gen_method: method } = raw
  return (
    (mode !== 'file' && mode !== 'fallback' && mode !== 'error' && mode !== undefined) ||
    typeof correct !== 'number' ||
    method === null ||
    raw['eval_failed'] === null ||
    raw['source_queries'] !== undefined ||
    raw['raw_generation'] !== undefined ||
    raw['prompt_text'] !== undefined ||
    (typeof method === 'string' && method.startsWith('global_positive'))
  )
}

/** The fields to set, `undefined` for those to take away. */
function changesOf(raw: RawObject): RawObject {
  const changes: RawObject = {}
  for (const field of NULL_MEANS_ABSENT) if (raw[field] === null) changes[field] = undefined
  for (const [old, name] of RENAMED) {
    if (raw[old] === undefined) continue
    changes[name] = raw[name] ?? raw[old]
    changes[old] = undefined
  }

  const mode = raw['vqa_eval_mode']
  if (typeof mode === 'string') changes['vqa_eval_mode'] = EVAL_MODE_ALIASES.get(mode)
  if ((mode === 'train' || mode === 'val') && raw['eval_split_used'] === undefined)
    changes['eval_split_used'] = mode

  const correct = raw['vqa_correct']
  const accuracy = raw['vqa_acc_score']
  if (typeof correct === 'boolean') changes['vqa_correct'] = correct ? 1 : 0
  else if ((correct === undefined || correct === null) && typeof accuracy === 'number') {
    changes['vqa_correct'] = accuracy > 0 ? 1 : 0
    changes['derived'] = true
  }

  const method = raw['gen_method']
  const sources = raw['source_queries']
  const copied =
    (typeof method === 'string' && method.startsWith('global_positive')) ||
    (Array.isArray(sources) && sources.length > 0)
  if (copied && raw['transferred_reward'] === undefined) changes['transferred_reward'] = true
  return changes
}

function noteSigns(raw: RawObject, seen: CandidateSigns): void {
  const mode = raw['vqa_eval_mode']
  if (mode !== undefined) seen.evalMode = true
  if (mode === 'train' || mode === 'val') seen.augmented = true
  if (isAugmented(raw)) seen.augmented = true
  if (raw['transferred_reward'] === true) seen.transferred = true
  if (!seen.balanced) return
  const onlyAccuracy = raw['vqa_acc_score'] !== undefined && raw['vqa_correct'] === undefined
  if (!onlyAccuracy || mode !== undefined || raw['gen_method'] !== undefined) seen.balanced = false
}

function isAugmented({ aug_type, aug_round, proxy_score, raw_generation, prompt_text }: RawObject): boolean {
  return [aug_type, aug_round, proxy_score, raw_generation, prompt_text].some((value) => value !== undefined)
}

function applied(raw: RawObject, changes: RawObject): RlCandidate {
  const result: RawObject = { ...raw, ...changes }
  for (const field in changes) if (changes[field] === undefined) Reflect.deleteProperty(result, field)
  return result as unknown as RlCandidate
}
