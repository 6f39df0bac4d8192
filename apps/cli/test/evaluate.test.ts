import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { createModel, writeCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import { writeSafetensors } from '@lever/tensor-files'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const text = (name: string): string => readFileSync(at(name), 'utf8')
const lines = (name: string): string[] => text(name).trimEnd().split('\n')
const golden = (name: string): string =>
  join(import.meta.dirname, '../../../fixtures/golden/pointer-model', name)

interface Evaluated {
  table: { selector: string; shots: number; accuracy: number; n: number }[]
  leakage: Record<string, number[]>
}

/** A model that notes every prompt that it is asked, and takes so many milliseconds for each. */
function model(name: string, milliseconds = 0): string {
  const [file, asked] = [at(`${name}.mjs`), at(`${name}.asked`)]
  const answer = 'demonstrations.at(-1)?.answer ?? "red"'
  writeFileSync(
    file,
    `import { appendFileSync } from 'node:fs'
export default async ({ query, demonstrations }) => {
  await new Promise((resolve) => setTimeout(resolve, ${milliseconds}))
  appendFileSync(${JSON.stringify(asked)}, [query.id, ...demonstrations.map(({ id }) => id)].join(' ') + '\\n')
  return ${answer}
}\n`,
  )
  writeFileSync(asked, '')
  return file
}
const asked = (name: string): string[] => text(`${name}.asked`).split('\n').slice(0, -1)

const evaluate = (script: string, out: string, ...more: readonly string[]): string[] => [
  ...['evaluate', '--dataset', at('test'), '--pool-dataset', at('train'), '--pool-size', '8'],
  ...['--backend', 'scripted', '--model', script, '--seeds', '2', '--resamples', '200'],
  ...['--no-expected', '--out', at(out), ...(more.includes('--shots') ? [] : ['--shots', '0,1,2']), ...more],
]

async function json(args: readonly string[]): Promise<Evaluated> {
  const { code, stdout, stderr } = await lever([...args, '--json', '--quiet'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Evaluated
}

async function refused(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lever(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  return stderr
}

/** That of the original's checkpoint. */
const DIM = 32
const embeddings = (split: string): string[] => [
  split === 'test' ? '--embeddings' : '--pool-embeddings',
  at(`${split}.safetensors`),
]

beforeAll(async () => {
  for (const [split, count] of [
    ['train', 40],
    ['test', 6],
    ['validation', 12],
  ] as const) {
    const { questions } = smallWorld(at(split), split, count)
    const ids = questions.questions.map(({ question_id }) => question_id)
    const random = createRandom(1, split)
    const data = Float32Array.from({ length: count * DIM }, () => random.normal())
    await writeSafetensors(at(`${split}.safetensors`), {
      tensors: new Map([
        ['embeddings', { dtype: 'F32', shape: [count, DIM], data }],
        ['ids', { dtype: 'I64', shape: [count], data: BigInt64Array.from(ids, BigInt) }],
      ]),
      metadata: new Map([
        ['kind', 'both'],
        ['image_dim', '16'],
      ]),
    })
  }
})

describe('answers', () => {
  test('are asked once: a selector added later costs only its own prompts, no protocol shares another', async () => {
    const script = model('counted')
    await json(evaluate(script, 'counted', '--selectors', 'zero-shot', 'random'))
    const first = asked('counted')
    expect(new Set(first).size).toBe(first.length)
    expect(first.length).toBe(6 + new Set(first.slice(6)).size)
    await json(evaluate(script, 'counted', '--selectors', 'zero-shot', 'random'))
    expect(asked('counted')).toHaveLength(first.length)

    await json(evaluate(script, 'counted', '--selectors', 'zero-shot', 'random', 'bm25'))
    const own = lines('counted/per-question.jsonl')
      .map((line) => JSON.parse(line) as { selector: string; query: number; demonstrations: number[] })
      .filter(({ selector }) => selector === 'bm25')
      .map(({ query, demonstrations }) => [query, ...demonstrations].join(' '))
    expect(own).toHaveLength(12)
    expect(asked('counted').slice(first.length).sort()).toEqual(
      own.filter((prompt) => !first.includes(prompt)).sort(),
    )
    expect(await refused(evaluate(model('other'), 'counted', '--selectors', 'zero-shot'))).toContain(
      'belongs to another configuration: config.protocol',
    )
  })

  test('survive SIGKILL: the same command continues to the same rows', async () => {
    const selectors = ['--selectors', 'zero-shot', 'random', 'bm25', '--batch-size', '1']
    const slow = model('slow', 20)
    await json(evaluate(slow, 'whole', ...selectors))
    const whole = asked('slow')
    writeFileSync(at('slow.asked'), '')
    const journal = at('killed/answers.jsonl')
    const killed = await lever(evaluate(slow, 'killed', ...selectors), {
      kill: [
        { signal: 'SIGKILL', when: () => existsSync(journal) && asked('slow').length > whole.length / 2 },
      ],
    })
    expect(killed.signal).toBe('SIGKILL')
    expect(existsSync(at('killed/results.json'))).toBe(false)
    const kept = statSync(journal).size > 0 ? lines('killed/answers.jsonl').length - 1 : 0
    await json(evaluate(slow, 'killed', ...selectors))
    expect(text('killed/per-question.jsonl')).toBe(text('whole/per-question.jsonl'))
    expect(text('killed/results.json')).toBe(text('whole/results.json'))
    expect(kept).toBeGreaterThan(0)
    expect(asked('slow').length).toBeLessThanOrEqual(2 * whole.length - kept)
  })
})

describe('selectors', () => {
  const policies = (): string[] => [
    '--policies',
    `ours=${at('ours.safetensors')}`,
    `original=${at('old.pt')}`,
  ]

  test('all of them, ours and the original policies side by side, greedy and beam', async () => {
    const ours = createModel({ architecture: 'cross-attention', settings: { dim: DIM, hidden: 8 }, seed: 3 })
    await writeCheckpoint(at('ours.safetensors'), { model: ours, info: { phase: 'init' } })
    writeFileSync(at('old.pt'), readFileSync(golden('small-1layer.pt')))
    const args = [...embeddings('test'), ...embeddings('train'), ...policies()]
    const given = [
      '--selectors',
      'all',
      '--policy-decoding',
      'greedy,beam',
      '--validation-dataset',
      at('validation'),
    ]
    const { table } = await json(evaluate(model('all'), 'all', ...args, ...given, '--static-sets', '3'))
    expect(new Set(table.map(({ selector }) => selector))).toEqual(
      new Set([
        ...[
          'zero-shot',
          'majority-vote',
          'copy-nearest',
          'random',
          'vote',
          'static',
          'bm25',
          'mmices',
          'mmr',
        ],
        ...['rices-image', 'rices-text', 'rices-both', 'k-means', 'worst', 'oracle'],
        ...['ours', 'ours-beam', 'original', 'original-beam', 'reversed:original', 'shuffled:original'],
      ]),
    )
    for (const shots of [1, 2]) {
      const at = (selector: string): number =>
        table.find((row) => row.selector === selector && row.shots === shots)!.accuracy
      for (const { selector, accuracy } of table.filter((row) => row.shots === shots)) {
        if (['copy-nearest', 'static', 'vote'].includes(selector)) continue
        expect(accuracy).toBeLessThanOrEqual(at('oracle') + 1e-9)
        expect(accuracy).toBeGreaterThanOrEqual(at('worst') - 1e-9)
      }
    }
    expect(table.every(({ n }) => n === 6)).toBe(true)
    const page = text('all/report.html')
    expect(page).toContain('the best of 3 random sets on 12 questions of the validation split')
    expect(page).toContain('images that ours, original was trained on: unknown (--training-data)')
  })

  test('static is chosen on other questions about other images, never on those that are evaluated', async () => {
    const script = model('static')
    const args = ['--selectors', 'static', '--static-sets', '4', '--static-questions', '9', '--shots', '2']
    await json(evaluate(script, 'static', ...args))
    const rows = lines('static/per-question.jsonl').map(
      (line) => JSON.parse(line) as { query: number; demonstrations: number[] },
    )
    const [{ demonstrations }] = rows as unknown as [{ demonstrations: number[] }]
    expect(rows.every((row) => row.demonstrations.join() === demonstrations.join())).toBe(true)
    const tried = asked('static').map((line) => line.split(' ').map(Number))
    const queries = new Set(rows.map(({ query }) => query))
    const validation = new Set(tried.map(([query]) => query!).filter((query) => !queries.has(query)))
    expect(validation.size).toBe(9)
    expect(tried).toHaveLength(4 * 9 + 6)
    const { questions } = JSON.parse(text('train/questions.json')) as {
      questions: { question_id: number; image_id: number }[]
    }
    const image = new Map(questions.map(({ question_id, image_id }) => [question_id, image_id]))
    const shown = new Set(tried.flatMap(([, ...ids]) => ids.map((id) => image.get(id))))
    for (const id of validation) expect(shown.has(image.get(id))).toBe(false)

    const same = ['--validation-dataset', at('test')]
    expect(await refused(evaluate(script, 'x', ...args, ...same))).toContain(
      '--validation-dataset is the dataset that is evaluated',
    )
    expect(existsSync(at('x'))).toBe(false)
  })

  test('images of the training data of a policy are looked for among the questions', async () => {
    const query = (id: number, image_id: number): object => ({
      query: { image_id },
      candidate_pool_ids: [id + 1, id + 2],
      pointer_candidates: [{ pointer: [id + 1, id + 2], vqa_correct: 1, vqa_acc_score: 1 }],
    })
    const { questions } = JSON.parse(text('test/questions.json')) as { questions: { image_id: number }[] }
    writeFileSync(
      at('rl.json'),
      JSON.stringify({ 7: query(7, questions[0]!.image_id), 20: query(20, 999_999) }),
    )
    const args = [...embeddings('test'), ...embeddings('train'), ...policies().slice(0, 2), '--shots', '1']
    const given = ['--selectors', 'zero-shot', '--training-data', at('rl.json')]
    const { code, stderr } = await lever(evaluate(model('trained'), 'trained', ...args, ...given))
    expect(code).toBe(0)
    const shared = questions.filter(({ image_id }) => image_id === questions[0]!.image_id).length
    expect(stderr).toContain(
      `warning: ${shared} questions are about images of the pool's dataset or of the data`,
    )
    expect(text('trained/report.html')).toContain('2 training questions')
  })

  test('what cannot be done is said before a run directory is made', async () => {
    const script = model('refused')
    const both = [...embeddings('test'), ...embeddings('train')]
    const ids = (split: string): number[] =>
      (JSON.parse(text(`${split}/questions.json`)) as { questions: { question_id: number }[] }).questions.map(
        ({ question_id }) => question_id,
      )
    const [first, second, third] = ids('train') as [number, number, number]
    writeFileSync(
      at('pools.json'),
      JSON.stringify(Object.fromEntries(ids('test').map((id) => [id, ids('train').slice(0, 8)]))),
    )
    await writeSafetensors(at('few.safetensors'), {
      tensors: new Map([
        ['embeddings', { dtype: 'F32', shape: [2, DIM], data: new Float32Array(2 * DIM).fill(1) }],
        ['ids', { dtype: 'I64', shape: [2], data: BigInt64Array.of(BigInt(first), BigInt(second)) }],
      ]),
      metadata: new Map([['kind', 'both']]),
    })
    const few = [...embeddings('test'), '--pool-embeddings', at('few.safetensors')]
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['there is no selector nearest', ['--selectors', 'nearest']],
      [
        `--pool-embeddings have no row for example ${third} (6 of 8 are missing)`,
        [...few, '--pool-file', at('pools.json'), '--selectors', 'rices-both'],
      ],
      ['the selector mmr needs embeddings', ['--selectors', 'mmr']],
      [
        '--policies: the name a is given twice',
        [...both, '--policies', `a=${at('old.pt')}`, `a=${at('old.pt')}`],
      ],
      ['--policy-decoding is "sample"; give one of greedy, beam', ['--policy-decoding', 'sample']],
      ['--training-data has no effect without --policies', ['--training-data', at('no.json')]],
      [
        '--training-data: there is no file',
        [...both, '--policies', `a=${at('old.pt')}`, '--training-data', at('no.json')],
      ],
    ]
    for (const [message, args] of cases)
      expect(await refused(evaluate(script, 'x', ...args))).toContain(message)
    expect(existsSync(at('x'))).toBe(false)
    expect(asked('refused')).toEqual([])
  })
})
