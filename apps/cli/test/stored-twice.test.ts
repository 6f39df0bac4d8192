import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'

// A part of the bundled world, once as it is and once with every image and question again under a second name.

const QUESTIONS = 60
const root = scratch()
const at = (name: string): string => join(root, name)
const WORLD = fileURLToPath(new URL('../../../fixtures/shapes-vqa/world/', import.meta.url))

interface Official {
  readonly question_id: number
  readonly image_id: number
  readonly question: string
  readonly answers: readonly { readonly answer: string }[]
}

function rowsOf(file: string, name: string): Official[] {
  return (JSON.parse(readFileSync(join(WORLD, file), 'utf8')) as Record<string, Official[]>)[name]!
}

function store(name: string, copies: readonly string[]): void {
  mkdirSync(at(`${name}/images`), { recursive: true })
  const answers = new Map(
    rowsOf('train/annotations.json', 'annotations').map((one) => [one.question_id, one.answers]),
  )
  const rows = copies.flatMap((copy) =>
    rowsOf('train/questions.json', 'questions')
      .slice(0, QUESTIONS)
      .map(({ question_id, image_id, question }) => {
        const image = `images/${copy}${image_id}.png`
        cpSync(join(WORLD, 'images', `${image_id}.png`), at(`${name}/${image}`))
        return { image, question, answers: answers.get(question_id)!.map(({ answer }) => answer) }
      }),
  )
  writeFileSync(at(`${name}/questions.jsonl`), rows.map((row) => JSON.stringify(row)).join('\n'))
}

interface Row {
  readonly selector: string
  readonly shots: number
  readonly accuracy: number
  readonly interval?: readonly number[]
}

async function evaluated(name: string): Promise<{ table: Row[]; stderr: string; images: number }> {
  const run = async (...args: string[]): Promise<{ stdout: string; stderr: string }> => {
    const { code, stdout, stderr } = await lever([...args, '--json'])
    if (code !== 0) throw new Error(stderr)
    return { stdout, stderr }
  }
  await run('embed', '--dataset', at(name), '--out', at(`${name}.safetensors`))
  const { stdout, stderr } = await run(
    ...[
      'evaluate',
      '--dataset',
      at(name),
      '--embeddings',
      at(`${name}.safetensors`),
      '--out',
      at(`e-${name}`),
    ],
    ...['--backend', 'scripted', '--model', at('copies.mjs'), '--pool-size', '16', '--resamples', '200'],
    ...['--selectors', 'rices-image,rices-both,copy-nearest', '--shots', '1', '--seeds', '1'],
  )
  const rows = readFileSync(at(`e-${name}/per-question.jsonl`), 'utf8')
    .trim()
    .split('\n')
  const images = new Set(rows.map((row) => (JSON.parse(row) as { image: unknown }).image))
  return { table: (JSON.parse(stdout) as { table: Row[] }).table, stderr, images: images.size }
}

beforeAll(() => {
  store('once', [''])
  store('twice', ['', 'copy-'])
  writeFileSync(at('copies.mjs'), 'export default ({ demonstrations }) => demonstrations[0]?.answer ?? ""\n')
})

test('a set stored twice gives no answer away, and its twins are one cluster', async () => {
  const [once, twice] = [await evaluated('once'), await evaluated('twice')]
  expect(once.stderr).not.toContain('have the same bytes')
  expect(twice.stderr).toMatch(/warning: \d+ image files show \d+ pictures \(.* have the same bytes\)/)
  expect(twice.images).toBe(once.images)
  const without = ({ table }: typeof once): unknown[] =>
    table.map((row) => ({ ...row, n: undefined, scored: undefined }))
  expect(without(twice)).toEqual(without(once))
  expect(once.table.map(({ accuracy }) => accuracy).every((accuracy) => accuracy < 100)).toBe(true)
})

test('data describe shows which files are one picture, with their paths', async () => {
  const { stdout } = await lever(['data', 'describe', at('twice')])
  expect(stdout).toMatch(/pictures in several files of the same bytes: \d+\n {2}\S+\.png = \S+copy-\d+\.png/)
  const one = JSON.parse((await lever(['data', 'describe', at('once'), '--json'])).stdout) as object
  expect(one).toMatchObject({ identity: { identical: { count: 0 }, alike: { count: 0 }, clashes: 0 } })
})
