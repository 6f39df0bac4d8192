import { readFile } from 'node:fs/promises'
import { openSplit, uriOf } from '../packages/server/test/support/world.ts'
import { startServing } from './support/lever-serve.ts'

/*
 * Does lever serve choose what lever evaluate recorded? LEVER_BENCH_RUN is the run directory of lever demo,
 * LEVER_BENCH_BUNDLE a bundle of its policy. Every test question is asked with its id and without, as a new one.
 */
const COMPARED: readonly (readonly [recorded: string, asked: string])[] = [
  ['pointer-listwise', 'policy'],
  ...['rices-both', 'mmr', 'bm25', 'random'].map((name) => [name, name] as const),
]

interface Row {
  readonly query: number
  readonly selector: string
  readonly shots: number
  readonly seed: number | null
  readonly demonstrations: readonly number[]
}

export async function run(): Promise<unknown> {
  const { LEVER_BENCH_RUN: folder, LEVER_BENCH_BUNDLE: bundle } = process.env
  if (folder === undefined || bundle === undefined) return 'set LEVER_BENCH_RUN and LEVER_BENCH_BUNDLE'
  const lines = (await readFile(`${folder}/per-question.jsonl`, 'utf8')).trimEnd().split('\n')
  const rows = lines.map((line) => JSON.parse(line) as Row)
  const { examples } = await openSplit('test', Infinity)
  const asked = new Map(examples.map((example) => [example.id, example]))
  const { url, child } = await startServing(['--bundle', bundle, '--log-level', 'error'])
  const ask = async (body: object): Promise<string> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/select`, { method: 'POST', headers, body: JSON.stringify(body) })
    const { demonstrations } = (await response.json()) as { demonstrations: { id: number }[] }
    return JSON.stringify(demonstrations.map(({ id }) => id))
  }
  try {
    const found = []
    for (const [recorded, selector] of COMPARED) {
      const own = rows.filter((row) => row.selector === recorded)
      for (const shots of [1, 2, 4]) {
        const some = own.filter((row) => row.shots === shots && row.seed === own[0]!.seed)
        let [withId, asNew] = [0, 0]
        for (const { query: id, demonstrations } of some) {
          const { question, ...example } = asked.get(id)!
          const body = { image: await uriOf(example), question, selector, shots }
          if ((await ask({ ...body, id })) === JSON.stringify(demonstrations)) withId += 1
          if ((await ask(body)) === JSON.stringify(demonstrations)) asNew += 1
        }
        found.push({ selector, shots, n: some.length, withId, asNew })
      }
    }
    return found
  } finally {
    child.kill('SIGTERM')
  }
}
