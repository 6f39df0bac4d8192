import { expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'
import {
  CANDIDATE_FIELDS,
  EVAL_MODE_ALIASES,
  FILTER_NAMES,
  META_FIELDS,
  QUESTION_FIELDS,
  SHAPE_NAMES,
  SHOT_FIELDS,
  encodeRlData,
  parseRlData,
  rlDataSchema,
} from '../src/index.ts'

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the format page names every field and every shape', () => {
  const page = text('../../../docs/data-format.md')
  for (const name of [...META_FIELDS, ...QUESTION_FIELDS, ...CANDIDATE_FIELDS, ...SHOT_FIELDS])
    expect(page).toContain(`\`${name}\``)
  for (const shape of SHAPE_NAMES.filter((name) => name !== 'canonical')) expect(page).toContain(shape)
  for (const mode of EVAL_MODE_ALIASES.keys()) expect(page).toContain(`\`${mode}\``)
})

test('the README names every filter', () => {
  const readme = text('../README.md')
  for (const name of FILTER_NAMES) expect(readme).toContain(`\`${name}\``)
})

test('what is written fits the published schema', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(rlDataSchema)
  for (const style of ['global', 'pos', 'local']) {
    const { bytes } = encodeRlData(
      parseRlData(Buffer.from(text(`../../../fixtures/golden/rl-dataset/rl_${style}.json`))),
    )
    expect(validate(JSON.parse(new TextDecoder().decode(bytes)))).toBe(true)
  }
  expect(validate({ abc: {} })).toBe(false)
})
