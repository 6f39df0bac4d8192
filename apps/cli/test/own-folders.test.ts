import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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

test('static-best never holds the id of a question, and a path of two files is told', async () => {
  const args = [...places(), ...model(), '--resamples', '100', '--seeds', '1', '--shots', '1,2']
  const { out, stderr } = await run(
    'evaluate',
    ...args,
    ...['--selectors', 'random,static-best', '--static-questions', '4', '--out', at('eval')],
  )
  expect(out).toMatchObject({ table: [1, 2, 1, 2].map((shots) => ({ shots, accuracy: 16.67, n: 6 })) })
  expect(stderr).toContain(
    'warning: images/0.png is a file of the questions and another of the pool: they count as one image (6 questions have such)',
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
