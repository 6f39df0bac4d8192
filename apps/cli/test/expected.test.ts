import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { distinctAnswers, scoreAnswer } from '@lever/vqa-eval'
import { openVqaModel } from '@lever/vqa-model'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const MODEL = fileURLToPath(new URL('../../../fixtures/shapes-vqa/model', import.meta.url))
const root = scratch()
const { folder, questions, annotations } = smallWorld(join(root, 'world'), 'train', 12)

interface Query {
  query: { gt_answers_raw: string[] }
  pointer_candidates: Record<string, number>[] & { pointer_global: number[] }[]
}
interface Data {
  meta: { generator: Record<string, unknown> }
  queries: [id: string, query: Query][]
}

async function generate(
  name: string,
  ...args: string[]
): Promise<{ data: Data; stderr: string; stdout: string }> {
  const out = join(root, name)
  const where = ['--dataset', folder, '--pool-size', '8', '--num-random', '4', '--workers', '1', '--out', out]
  const { code, stdout, stderr } = await lever(['generate', ...where, ...args])
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  const { _meta: meta, ...queries } = JSON.parse(readFileSync(join(out, 'rl-data.json'), 'utf8')) as {
    _meta: Data['meta']
  } & Record<string, Query>
  return { data: { meta, queries: Object.entries(queries) }, stdout, stderr }
}

const valuesOf = ({ queries }: Data, field: string): (number | undefined)[] =>
  queries.flatMap(([, query]) => query.pointer_candidates.map((candidate) => candidate[field]))

test('generate --reward expected measures E without decoding: the formula, of the real model', async () => {
  const { data, stdout } = await generate('expected', '--reward', 'expected')
  expect(stdout).toContain('nothing was decoded, so there are no accuracies')
  expect(data.meta.generator).toMatchObject({ gt_prob: true, decoded: false })
  const values = valuesOf(data, 'vqa_gt_prob')
  expect(values).toHaveLength(48)
  for (const field of ['vqa_acc_score', 'vqa_correct', 'vqa_pred_answer', 'vqa_raw_generation']) {
    expect(valuesOf(data, field).every((value) => value === undefined)).toBe(true)
  }
  const [id, { query, pointer_candidates: candidates }] = data.queries[0]!
  const model = await openVqaModel({ backend: 'onnx', model: MODEL, workers: 0 })
  try {
    const example = (questionId: number): { id: number; question: string; image: string; answer: string } => {
      const { question, image_id } = questions.questions.find((row) => row.question_id === questionId)!
      const { multiple_choice_answer: answer } = annotations.annotations.find(
        (row) => row.question_id === questionId,
      )!
      return { id: questionId, question, image: join(folder, 'images', `${image_id}.png`), answer }
    }
    for (const candidate of candidates) {
      const demonstrations = (candidate as unknown as { pointer_global: number[] }).pointer_global.map(
        example,
      )
      const scoreAnswers = distinctAnswers(query.gt_answers_raw)
      const [answer] = await model.answer([{ demonstrations, query: example(Number(id)), scoreAnswers }])
      const expected = answer!.scores!.reduce(
        (sum, { answer: text, logProb }) =>
          sum + scoreAnswer(text, query.gt_answers_raw).accuracy * Math.exp(logProb),
        0,
      )
      expect(candidate['vqa_gt_prob']).toBeCloseTo(expected, 3)
    }
  } finally {
    await model.close()
  }

  const { data: both } = await generate('both', '--reward', 'both')
  const [alone, beside] = [values, valuesOf(both, 'vqa_gt_prob')]
  for (const [i, value] of alone.entries()) expect(value).toBeCloseTo(beside[i]!, 3)
  const { data: plain } = await generate('plain')
  expect(valuesOf(both, 'vqa_acc_score')).toEqual(valuesOf(plain, 'vqa_acc_score'))
  const { data: old } = await generate('old', '--gt-prob')
  expect(valuesOf(old, 'vqa_gt_prob')).toEqual(beside)
  expect(old.meta.generator).toEqual(both.meta.generator)

  const described = await lever(['data', 'describe', join(root, 'both', 'rl-data.json')])
  expect(described.stdout).toMatch(/expected accuracy {2}best \d+\.\d %, mean \d+\.\d % \(48 candidates\)/)
  const another = await lever([
    'generate',
    '--dataset',
    folder,
    '--pool-size',
    '8',
    '--num-random',
    '4',
    '--out',
    join(root, 'plain'),
    '--reward',
    'expected',
    '--quiet',
  ])
  expect(another.code).toBe(2)
  expect(another.stderr).toContain('belongs to another configuration')
})

test('--max-answers bounds the scored answers and says what is left out', async () => {
  const { data, stderr } = await generate('bounded', '--reward', 'expected', '--max-answers', '1')
  expect(stderr).toMatch(
    /--max-answers 1 leaves out human answers of \d+ of 12 questions, \d+\.\d % of all humans/,
  )
  expect(data.meta.generator).toMatchObject({ max_answers: 1 })
  const { data: all } = await generate('all', '--reward', 'expected')
  const [bounded, whole] = [valuesOf(data, 'vqa_gt_prob'), valuesOf(all, 'vqa_gt_prob')]
  expect(bounded.every((value, i) => value! <= whole[i]! + 1e-3)).toBe(true)
  expect(bounded.some((value, i) => value! < whole[i]! - 1e-3)).toBe(true)
  const described = await lever(['data', 'describe', join(root, 'bounded', 'rl-data.json')])
  expect(described.stdout).toContain('at most 1 scored; left out in')
})

test('what does not go with it is refused, and a dry run counts the answers', async () => {
  const base = ['generate', '--dataset', folder, '--pool-size', '8', '--num-random', '4']
  const out = ['--out', join(root, 'no')]
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await lever([
      ...base,
      '--quiet',
      ...(args.includes('--out') ? [] : out),
      ...args,
    ])
    expect(code).toBe(2)
    return stderr
  }
  expect(await refused('--max-answers', '2')).toContain(
    '--max-answers applies only to --reward expected and both',
  )
  expect(await refused('--reward', 'expected', '--rel-score')).toContain(
    '--rel-score applies only to --reward',
  )
  const script = join(root, 'mute.mjs')
  writeFileSync(script, 'export default () => "red"\n')
  for (const reward of ['expected', 'both']) {
    const mute = ['--backend', 'scripted', '--model', script, '--out', join(root, `mute-${reward}`)]
    expect(await refused('--reward', reward, ...mute)).toContain(
      'the model gives no probabilities of answers',
    )
  }
  const { stdout } = await lever([
    ...base,
    ...out,
    '--reward',
    'expected',
    '--max-answers',
    '1',
    '--dry-run',
    '--quiet',
  ])
  expect(stdout).toContain('48 answers to score')
})

test('train learns from expected accuracies alone', async () => {
  await generate('for-training', '--reward', 'expected')
  const embeddings = join(root, 'embeddings.safetensors')
  await lever(['embed', '--dataset', folder, '--out', embeddings, '--quiet'])
  const train = ['train', '--rl-data', join(root, 'for-training', 'rl-data.json'), '--embeddings', embeddings]
  const small = ['--rce-epochs', '1', '--quiet']
  const without = await lever([...train, ...small, '--out', join(root, 'trained')])
  expect(without.code).toBe(2)
  expect(without.stderr).toContain('mode hard_plus_soft needs vqa_correct')
  expect(without.stderr).toContain('use mode expected_accuracy')
  for (const mode of ['expected_accuracy', 'log_expected_accuracy']) {
    const { code, stderr } = await lever([
      ...train,
      ...small,
      '--reward-mode',
      mode,
      '--out',
      join(root, mode),
    ])
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  }
})

test('evaluate shows E beside accuracy, continues from answers alone, and says once where there is none', async () => {
  const out = join(root, 'evaluated')
  const base = [
    'evaluate',
    '--dataset',
    folder,
    '--pool-size',
    '8',
    '--shots',
    '0,1',
    '--seeds',
    '2',
    '--resamples',
    '200',
  ]
  const args = [
    ...base,
    '--selectors',
    'zero-shot',
    'random',
    'bm25',
    'majority-vote',
    'oracle',
    '--out',
    out,
  ]
  interface Row {
    selector: string
    shots: number
    expected?: number | null
    expectedCi?: [number, number] | null
  }
  const run = async (...more: string[]): Promise<{ stdout: string; stderr: string }> => {
    const { code, stdout, stderr } = await lever([...args, ...more])
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return { stdout, stderr }
  }
  const rowsOf = (): (Row & { query: number; seed: number | null })[] =>
    readFileSync(join(out, 'per-question.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row & { query: number; seed: number | null })

  const without = await run('--no-expected')
  expect(without.stdout).not.toContain('Expected accuracy')
  expect(rowsOf().some(({ expected }) => expected !== undefined)).toBe(false)
  const { stdout } = await run('--json', '--quiet')
  const { table, expectedComparisons } = JSON.parse(stdout) as { table: Row[]; expectedComparisons: Row[] }
  const rows = rowsOf()
  for (const { selector, shots, expected, expectedCi } of table) {
    const own = rows.filter((row) => row.selector === selector && row.shots === shots)
    if (selector === 'majority-vote') {
      expect([expected, ...own.map((row) => row.expected)].every((value) => value === undefined)).toBe(true)
      continue
    }
    const mean = own.reduce((sum, row) => sum + row.expected!, 0) / own.length
    expect(expected).toBeCloseTo(100 * mean, 1)
    expect(expectedCi![0]).toBeLessThanOrEqual(expected!)
    expect(expectedCi![1]).toBeGreaterThanOrEqual(expected!)
  }
  expect(expectedComparisons[0]).toMatchObject({ selector: 'bm25', shots: 1, baseline: 'random' })
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as {
    expected: { table: { comparisons: { mcnemar: unknown }[] }[] }
  }
  expect(results.expected.table.flatMap((row) => row.comparisons)[0]!.mcnemar).toBeNull()
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Expected accuracy (E:')
  const again = await run('--json')
  expect(JSON.parse(again.stdout)).toMatchObject({ table })

  const script = join(root, 'silent.mjs')
  writeFileSync(script, 'export default () => "red"\n')
  const none = await lever([
    ...[...base, '--selectors', 'zero-shot', 'random', '--out', join(root, 'none')],
    ...['--backend', 'scripted', '--model', script],
  ])
  expect(none.code).toBe(0)
  expect(none.stderr.match(/expected accuracies are not shown: .*gives no probabilities/g)).toHaveLength(1)
  expect(none.stdout).not.toContain('Expected accuracy')
})
