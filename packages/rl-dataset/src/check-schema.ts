import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { ProblemPlace, ProblemSink } from './problems.ts'
import { candidateSchema, metaSchema, querySchema, SCHEMA_VERSION } from './schema.ts'
import type { RlMeta } from './types.ts'
import { describe, isObject, type RawObject } from './values.ts'

export interface Validators {
  readonly candidate: ValidateFunction
  readonly question: ValidateFunction
  readonly meta: ValidateFunction
}

let compiled: Validators | undefined

/** The compiled schemas; compiled when first asked. */
export function validators(): Validators {
  if (compiled) return compiled
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
  const questionSchema = (querySchema['properties'] as Record<string, object>)['query']!
  compiled = {
    candidate: ajv.compile(candidateSchema),
    question: ajv.compile(questionSchema),
    meta: ajv.compile(metaSchema),
  }
  return compiled
}

/**
 * Checks `_meta` and gives what can be used of it. Only `lever-rl` promises the types of the fields, so in a file of the
 * original a field of another type is a warning, and is kept in `original_meta`.
 */
export function readMeta(meta: unknown, problems: ProblemSink): RlMeta | null {
  if (meta === null || meta === undefined) return null
  if (!isObject(meta)) {
    problems.error('schema', `_meta must be an object, got ${describe(meta)}`, { field: '_meta' })
    return null
  }
  const ours = meta['schema'] === 'lever-rl'
  const version = meta['schema_version']
  if (ours && typeof version === 'string' && version.split('.')[0] !== SCHEMA_VERSION.split('.')[0]) {
    const message = `schema_version ${version} is not ${SCHEMA_VERSION}; use the Lever that wrote the file`
    problems.error('schema-version', message, { field: '_meta.schema_version' })
  }
  const validate: ValidateFunction = validators().meta
  if (checks(validate, meta)) return meta
  const usable: RawObject = { ...meta }
  const unusable: RawObject = {}
  for (const error of validate.errors ?? []) {
    const { field, message } = explain(error, meta)
    const text = `_meta.${field} ${message}`
    if (ours) problems.error('schema', text, { field: '_meta' })
    else problems.warn('schema-meta', text, { field: '_meta' })
    const name = field.split('.')[0]!
    unusable[name] = meta[name]
    Reflect.deleteProperty(usable, name)
  }
  return { ...usable, original_meta: unusable }
}

/** Reports what a schema says against a value; true when nothing. */
export function checkSchema(
  validate: ValidateFunction,
  value: unknown,
  problems: ProblemSink,
  place: ProblemPlace,
  subject: string,
): boolean {
  if (checks(validate, value)) return true
  for (const error of validate.errors ?? []) {
    const { field, message } = explain(error, value)
    problems.error('schema', `${field === '' ? subject : field} ${message}`, { ...place, field })
  }
  return false
}

/** The first thing that the schema says against a candidate, or undefined. */
export function candidateProblem(value: unknown): string | undefined {
  const validate = validators().candidate
  if (checks(validate, value)) return undefined
  const { field, message } = explain(validate.errors![0]!, value)
  return field === '' ? message : `${field} ${message}`
}

function explain(error: ErrorObject, root: unknown): { field: string; message: string } {
  const path = error.instancePath.split('/').slice(1)
  let value: unknown = root
  for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step]
  const allowed = error.params['allowedValues'] as unknown[] | undefined
  const suffix = allowed === undefined ? '' : ` (${allowed.map((item) => describe(item)).join(', ')})`
  const got = error.keyword === 'required' ? '' : `, got ${describe(value)}`
  return { field: path.join('.'), message: `${error.message ?? 'is wrong'}${suffix}${got}` }
}

/** Given to every validation, since ajv would make it anew for each value; our schemas use none of it. */
const UNUSED_CONTEXT = {
  instancePath: '',
  parentData: {},
  parentDataProperty: '',
  rootData: {},
  dynamicAnchors: {},
}

function checks(validate: ValidateFunction, value: unknown): boolean {
  return validate(value, UNUSED_CONTEXT)
}
