import { object, type JsonSchema } from '../http/route.ts'

const MOST_SHOTS = 256
const MOST_EXCLUDED = 10_000

export const IMAGE: JsonSchema = {
  type: 'string',
  minLength: 1,
  description:
    'A data URI (data:image/jpeg;base64,...), or the URL of an image at a host that the server allows',
}
export const QUESTION: JsonSchema = { type: 'string', minLength: 1, maxLength: 8_192 }
export const SHOTS: JsonSchema = { type: 'integer', minimum: 1, maximum: MOST_SHOTS }
export const SELECTOR: JsonSchema = { type: 'string', minLength: 1, maxLength: 128 }
export const EXCLUDE: JsonSchema = {
  type: 'array',
  maxItems: MOST_EXCLUDED,
  items: { type: 'integer' },
  description: 'Ids that may not be chosen. Examples about the same image are left out by themselves.',
}
export const ID: JsonSchema = { type: 'integer' }
export const QUERY_ID: JsonSchema = {
  type: 'integer',
  description:
    'Id of the question in the numbering of the library, where it has one: it is not shown itself, and what is drawn at random is what lever evaluate draws for it',
}
const NUMBER_OR_NULL: JsonSchema = { type: ['number', 'null'] }

export const EXAMPLE: JsonSchema = object({
  id: ID,
  question: { type: 'string' },
  answer: { type: 'string' },
})

export const DEMONSTRATION: JsonSchema = object({
  id: ID,
  question: { type: 'string' },
  answer: { type: 'string' },
  score: NUMBER_OR_NULL,
  similarity: NUMBER_OR_NULL,
})

export const MESSAGES: JsonSchema = {
  type: 'array',
  minItems: 1,
  items: { type: 'object', required: ['role'], properties: { role: { type: 'string' } } },
}

/** The field `lever` of an answer. */
export const NOTE: JsonSchema = object(
  {
    selector: { type: ['string', 'null'] },
    unchanged: { type: 'string' },
    demonstrations: { type: 'array', items: DEMONSTRATION },
  },
  ['selector', 'demonstrations'],
)
