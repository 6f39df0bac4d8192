import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'

// Two folders of one's own without question_id: their ids are rows, the same in both.

const root = scratch()
const at = (name: string): string => join(root, name)
const WORLD = fileURLToPath(new URL('../../../fixtures/shapes-vqa/world/', import.meta.url))

function folder(name: string, first: number, count: number): void {
  mkdirSync(at(`${name}/images`), { recursive: true })
  const rows = Array.from({ length: count }, (_, i) => {
    cpSync(join(WORLD, 'images', `${first + i}.png`), at(`${name}/images/${i}.png`))
    const answer = `${name} ${i}`
    return { question: `${name} ${i}?`, image: `images/${i}.png`, answers: Array<string>(10).fill(answer) }
  })
  writeFileSync(at(`${name}/questions.jsonl`), rows.map((row) => JSON.stringify(row)).join('\n'))
}

async function run(...args: string[]): Promise<{ out: Record<string, never>; stderr: string }> {
  const { code, stdout, stderr } = await lever([...args, '--json'])
  if (code !== 0) throw new Error(stderr)
  return { out: JSON.parse(stdout) as Record<string, never>, stderr }
}

const places = (): string[] => ['--dataset', at('test'), '--pool-dataset', at('train')]
const model = (): string[] => ['--backend', 'scripted', '--model', at('model.mjs'), '--pool-size', '5']

beforeAll(() => {
  folder('train', 1, 20)
  folder('test', 601, 6)
  writeFileSync(
    at('model.mjs'),
    'export default ({ query }) => (query.question === "test 3?" ? "test 3" : "x")\n',
  )
})

test('static never holds the id of a question, and a path of two pictures is told', async () => {
  const args = [...places(), ...model(), '--resamples', '100', '--seeds', '1', '--shots', '1,2']
  const { out, stderr } = await run(
    'evaluate',
    ...args,
    ...['--selectors', 'random,static', '--static-questions', '4', '--out', at('eval')],
  )
  expect(out).toMatchObject({ table: [1, 2, 1, 2].map((shots) => ({ shots, accuracy: 16.67, n: 6 })) })
  expect(stderr).toContain(
    '6 image ids mean one picture in the questions and another in the library; they count as different images',
  )
})

test('all leaves static out where nothing is left to make it of; asked for by name, it is refused', async () => {
  const args = ['evaluate', '--dataset', at('train'), ...model(), '--resamples', '100', '--shots', '1']
  const { out, stderr } = await run(...args, '--seeds', '1', '--selectors', 'all', '--out', at('all'))
  expect(stderr).toContain('warning: left out: static is chosen on questions about other images')
  const names = (out['table'] as unknown as { selector: string }[]).map(({ selector }) => selector)
  expect(names).toEqual(expect.arrayContaining(['random', 'bm25', 'oracle']))
  expect(names).not.toContain('static')
  const { code, stderr: why } = await lever([...args, '--selectors', 'static', '--out', at('none')])
  expect([code, existsSync(at('none'))]).toEqual([2, false])
  expect(why).toContain('lever: static is chosen on questions about other images')
})

test('embeddings of another dataset with the same ids are told', async () => {
  const embed = (name: string): Promise<unknown> =>
    run('embed', '--dataset', at(name), '--out', at(`${name}.safetensors`))
  await Promise.all([embed('train'), embed('test')])
  const files = (own: string, pool: string): string[] => [
    ...['--embeddings', at(`${own}.safetensors`), '--pool-embeddings', at(`${pool}.safetensors`)],
    ...['--selectors', 'rices-both', '--shots', '1', '--resamples', '100', '--out', at(`by-${own}`)],
  ]
  const right = await run('evaluate', ...places(), ...model(), ...files('test', 'train'))
  expect(right.stderr).not.toContain('were made of another dataset')
  const wrong = await run('evaluate', ...places(), ...model(), ...files('train', 'train'))
  expect(wrong.stderr).toMatch(
    /warning: --embeddings were made of another dataset \([0-9a-f]{12}, not [0-9a-f]{12}\) and are matched by id/,
  )
  expect(wrong.stderr).not.toContain('--pool-embeddings were')
})

test('questions without answers are refused before a run directory is made', async () => {
  folder('blind', 701, 3)
  const lines = [0, 1, 2].map((i) => JSON.stringify({ question: 'What?', image: `images/${i}.png` }))
  writeFileSync(at('blind/questions.jsonl'), lines.join('\n'))
  const args = ['evaluate', '--dataset', at('blind'), '--pool-dataset', at('train'), ...model()]
  const { code, stderr } = await lever([...args, '--selectors', 'random', '--out', at('blinded')])
  expect(code).toBe(2)
  expect(stderr).toContain(
    'question 0 has no human answers to score against; give the annotations, or add "answers" to its line of questions.jsonl',
  )
  expect(existsSync(at('blinded'))).toBe(false)
})

test('a policy may not take the place of a selector, and shots must leave something to evaluate', async () => {
  const refused = async (...more: string[]): Promise<string> => {
    const args = ['evaluate', ...places(), ...model(), ...more, '--out', at('never')]
    const { code, stderr } = await lever(args)
    expect([code, existsSync(at('never'))]).toEqual([2, false])
    return stderr
  }
  expect(await refused('--shots', '0', '--selectors', 'random')).toContain(
    '--shots 0 asks for no demonstrations, and random choose some',
  )
  const [one, two] = [at('train.safetensors'), at('test.safetensors')]
  const policy = fileURLToPath(
    new URL('../../../fixtures/golden/pointer-model/small-1layer.pt', import.meta.url),
  )
  expect(
    await refused('--embeddings', two, '--pool-embeddings', one, '--policies', `random=${policy}`),
  ).toContain('--policies: random is the name of a selector')
})

test('one answer a question, by which nothing can be right, is told', async () => {
  folder('single', 711, 3)
  const lines = [0, 1, 2].map((i) =>
    JSON.stringify({ question: 'Q?', image: `images/${i}.png`, answer: 'x' }),
  )
  writeFileSync(at('single/questions.jsonl'), lines.join('\n'))
  const args = ['generate', '--dataset', at('single'), '--pool-dataset', at('train'), ...model()]
  const { stderr } = await run(...args, '--num-random', '2', '--out', at('singles'))
  expect(stderr).toContain(
    'warning: 3 of 3 questions have fewer than four answers: officially a right answer',
  )
})

test('an evaluation on measured rewards knows the questions from the pool', async () => {
  await run('generate', ...places(), ...model(), '--num-random', '4', '--out', at('rl'))
  const { out } = await run(
    'evaluate',
    ...['--from-rl-data', at('rl/rl-data.json'), ...places(), '--resamples', '100', '--out', at('offline')],
    ...['--selectors', 'random,oracle,bm25', '--match', 'set'],
  )
  expect(out).toMatchObject({ table: expect.arrayContaining([expect.objectContaining({ n: 6 })]) })
  const page = readFileSync(at('offline/report.html'), 'utf8')
  const shown = JSON.parse(/id="examples-data">(.*?)<\/script>/.exec(page)![1]!) as {
    questions: { question: string }[]
  }[]
  expect(shown[0]!.questions.map(({ question }) => question)).toEqual(
    [0, 1, 2, 3, 4, 5].map((i) => `test ${i}?`),
  )
})
