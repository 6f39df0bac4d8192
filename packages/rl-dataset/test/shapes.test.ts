import { describe, expect, test } from '@jest/globals'
import type { RlCandidate } from '../src/index.ts'
import { candidate, errorRules, problemsOf, read } from './helpers.ts'

const shapesOf = (value: unknown, file?: string): Record<string, number> =>
  Object.fromEntries(read(value, file === undefined ? {} : { file }).report.shapes)

const firstOf = (value: unknown): RlCandidate => read(value).queries[0]!.pointer_candidates[0]!

const question = { query_id: 7, question_id: 70, image_id: 3, question: 'What?' }
const pool = [100, 101, 102, 103]

describe('L1 to L3: beams', () => {
  const L1 = {
    7: {
      id_list: [
        [4, 5, 7],
        [6, 4, 7],
      ],
      score_list: [-1e-7, -3e-7],
    },
  }

  test('L1 drops the query at the end of a beam and takes its score', () => {
    expect(shapesOf(L1)).toEqual({ L1: 1 })
    const { pointer_candidates } = read(L1).queries[0]!
    expect(pointer_candidates).toEqual([
      { pointer: [4, 5], gen_method: 'infoscore_beam', beam_rank: 0, beam_score: -1e-7 },
      { pointer: [6, 4], gen_method: 'infoscore_beam', beam_rank: 1, beam_score: -3e-7 },
    ])
  })

  test('a beam that does not end with its query is an error', () => {
    expect(() => read({ 7: { id_list: [[4, 5]], score_list: [1] } })).toThrow(
      'data.json: query 7, candidate 0: beam 0 must be the demonstrations and then the query 7, got [4,5]',
    )
    expect(errorRules({ 7: { id_list: [[7]], score_list: [1] } })).toEqual(['beams'])
    expect(errorRules({ 7: { id_list: [[4, 7]], score_list: [] } })).toEqual(['beams'])
  })

  test('L2 keeps the order of id_list and takes the steps from shots, in the order of choice', () => {
    const shots = [
      { id: 5, score: 0.1 },
      { id: 4, score: 0.3 },
    ]
    const L2 = {
      7: {
        ...L1[7],
        beams: [{ shots, final_score: 0.3 }],
        few_shot_num: 2,
        shot_scores: [
          [0.1, 0.3],
          [0.2, 0.4],
        ],
      },
    }
    expect(shapesOf(L2)).toEqual({ L2: 1 })
    const { pointer_candidates } = read(L2).queries[0]!
    expect(pointer_candidates[0]).toMatchObject({
      pointer: [4, 5],
      shots: [
        { k: 1, id: 5, score: 0.1 },
        { k: 2, id: 4, score: 0.3 },
      ],
    })
    expect(pointer_candidates[1]!.shots).toEqual([
      { k: 1, score: 0.2 },
      { k: 2, score: 0.4 },
    ])
  })

  test('L3 is a beam file named as a part', () => {
    expect(shapesOf(L1, 'sub_proc_data/x_rank:0_(0, 100).json')).toEqual({ L3: 1 })
  })
})

test('L4: no query, no meta, no eval mode: the mode is unknown', () => {
  const L4 = {
    7: { pointer_candidates: [{ pointer: [4, 5], gen_method: 'beam', vqa_correct: 1, vqa_acc_score: 0.6 }] },
  }
  expect(shapesOf(L4)).toEqual({ L4: 1 })
  expect(firstOf(L4)).not.toHaveProperty('vqa_eval_mode')
  expect(read(L4).queries[0]!.query).toEqual({})
})

test('L5: with eval modes', () => {
  const L5 = {
    7: { pointer_candidates: [candidate([4, 5], 1), candidate([5, 4], 0, { vqa_eval_mode: 'fallback' })] },
  }
  expect(shapesOf(L5)).toEqual({ L5: 1 })
  expect(read(L5).queries[0]!.pointer_candidates.map(({ vqa_eval_mode }) => vqa_eval_mode)).toEqual([
    'file',
    'fallback',
  ])
})

test('L6: version 4; its names of the official metric are read as file', () => {
  const modes = ['vqaEval', 'vqa', 'train', 'val', 'file']
  const candidates = modes.map((mode, i) =>
    candidate([8 + i, 3], 1, { pointer_pos: [8 + i, 3], vqa_eval_mode: mode }),
  )
  const L6 = {
    7: { query: question, pointer_candidates: candidates.slice(0, 2) },
    _meta: { created_at: '2025-12-20 10:00:00' },
  }
  expect(shapesOf(L6)).toEqual({ L6: 1 })
  const all = read({ 7: { query: question, pointer_candidates: candidates } }).queries[0]!.pointer_candidates
  expect(all.map(({ vqa_eval_mode }) => vqa_eval_mode)).toEqual(modes.map(() => 'file'))
  expect(all.map(({ eval_split_used }) => eval_split_used)).toEqual([
    undefined,
    undefined,
    'train',
    'val',
    undefined,
  ])
})

describe('L7: a fixed pool', () => {
  test('positions in pointer, ids in pointer_global', () => {
    const L7 = {
      7: {
        query: question,
        candidate_pool_ids: pool,
        pointer_candidates: [candidate([3, 0], 1, { pointer_global: [103, 100] })],
      },
      _meta: {},
    }
    expect(shapesOf(L7)).toEqual({ L7: 1 })
    expect(firstOf(L7)).toMatchObject({ pointer: [3, 0], pointer_global: [103, 100] })
  })

  test('candidate_pool_indices: pointer holds positions, also without pointer_global', () => {
    const file = {
      7: { query: question, candidate_pool_indices: pool, pointer_candidates: [candidate([3, 0], 1)] },
      _meta: {},
    }
    expect(firstOf(file)).toMatchObject({ pointer: [3, 0], pointer_global: [103, 100] })
    expect(read(file).queries[0]!.candidate_pool_ids).toEqual(pool)
  })
})

test('L8: augmented, with the question beside the candidates', () => {
  const L8 = {
    7: {
      question: 'What?',
      image_id: 3,
      gt_answers_raw: ['a'],
      pointer_candidates: [
        candidate([4, 5], 1, {
          vqa_eval_mode: 'train',
          raw_generation: ' A.',
          prompt_text: 'Q',
          aug_type: 'swap',
        }),
      ],
    },
  }
  expect(shapesOf(L8)).toEqual({ L8: 1 })
  expect(read(L8).queries[0]!.query).toEqual({ question: 'What?', image_id: 3, gt_answers_raw: ['a'] })
  const first = firstOf(L8)
  expect(first).toMatchObject({
    vqa_eval_mode: 'file',
    eval_split_used: 'train',
    vqa_raw_generation: ' A.',
    vqa_prompt_text: 'Q',
  })
  expect(first).not.toHaveProperty('raw_generation')
})

test('L9: balanced; correctness is derived and flagged, answers are flattened', () => {
  const L9 = {
    7: {
      query: {
        ...question,
        gt_answers_raw: [{ answer: 'red', answer_id: 1, answer_confidence: 'yes' }, { answer: 'blue' }],
      },
      pointer_candidates: [
        { pointer: [4, 5], vqa_pred_answer: 'red', vqa_acc_score: 0.3 },
        { pointer: [5, 4], vqa_pred_answer: 'no', vqa_acc_score: 0 },
      ],
    },
  }
  expect(shapesOf(L9)).toEqual({ L9: 1 })
  const [query] = read(L9).queries
  expect(query!.query.gt_answers_raw).toEqual(['red', 'blue'])
  expect(query!.pointer_candidates.map(({ vqa_correct, derived }) => [vqa_correct, derived])).toEqual([
    [1, true],
    [0, true],
  ])
})

test('L10: copied outcomes are flagged', () => {
  const L10 = {
    7: {
      query: question,
      pointer_candidates: [
        candidate([4, 5], 1, { gen_method: 'global_positive_transfer' }),
        candidate([5, 4], 1, { source_queries: [9] }),
        candidate([5, 6], 1, { source_queries: [] }),
        candidate([5, 8], 1, { gen_method: 'global_search' }),
      ],
    },
  }
  expect(shapesOf(L10)).toEqual({ L11: 1, L10: 1 })
  expect(
    read(L10).queries[0]!.pointer_candidates.map(({ transferred_reward }) => transferred_reward),
  ).toEqual([true, true, undefined, undefined])
})

test('L11: _meta is found wherever it stands, or is absent', () => {
  const query = '"7":{"query":{},"pointer_candidates":[{"pointer":[4,5]}]}'
  for (const text of [`{"_meta":{"shot_num":2},${query}}`, `{${query},"_meta":{"shot_num":2}}`]) {
    expect(read(text).meta).toEqual({ shot_num: 2 })
  }
  expect(read(`{${query}}`).meta).toBeNull()
  expect(shapesOf(`{${query}}`)).toEqual({ L11: 1 })
})

test('L12: queries without candidates are kept, with a warning', () => {
  const L12 = { 7: { query: question, pointer_candidates: [] } }
  expect(shapesOf(L12)).toEqual({ L11: 1, L12: 1 })
  expect(problemsOf(L12)).toMatchObject([{ severity: 'warning', rule: 'empty', queryId: 7 }])
})

describe('the canonical form', () => {
  const meta = { schema: 'lever-rl', schema_version: '5.0', shot_num: 2, pool_size: 4, index_space: 'local' }
  const file = {
    _meta: meta,
    7: {
      query: question,
      candidate_pool_ids: pool,
      pointer_candidates: [candidate([3, 0], 1, { pointer_global: [103, 100] })],
    },
  }

  test('is taken as it is', () => {
    expect(shapesOf(file)).toEqual({ canonical: 1 })
    expect(problemsOf(file)).toEqual([])
    expect(firstOf(file)).toEqual(file[7].pointer_candidates[0])
  })

  test('another major version is refused', () => {
    expect(() => read({ ...file, _meta: { ...meta, schema_version: '6.0' } })).toThrow(
      'schema_version 6.0 is not 5.0',
    )
  })

  test('odd types in _meta are errors here, and warnings in files of the original', () => {
    expect(errorRules({ ...file, _meta: { ...meta, shot_num: 'two' } })).toContain('schema')
    const legacy = read({ ...file, _meta: { shot_num: 'two', notes: null, note: 1 } })
    expect(legacy.meta).toEqual({ note: 1, original_meta: { shot_num: 'two', notes: null } })
  })
})

test('fields without a meaning are kept and reported, with the nearest name', () => {
  const file = { 7: { query: {}, pointer_candidates: [candidate([4, 5], 1, { vqa_corect: 1 })] } }
  expect(problemsOf(file)).toMatchObject([
    { rule: 'unknown-field', message: expect.stringContaining('did you mean vqa_correct?') },
  ])
  expect(firstOf(file)).toHaveProperty('vqa_corect', 1)
})
