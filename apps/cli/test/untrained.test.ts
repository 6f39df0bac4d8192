import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { encodeSafetensors } from '@lever/tensor-files'
import { lever, scratch } from './support/lever.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const POOL = [100, 101, 102, 103, 104, 105]
const QUERIES = Array.from({ length: 20 }, (_, i) => i)
const D = 8

function writeInputs(): void {
  const random = createRandom(5, 'inputs')
  const outcome = (): object => {
    const score = random.int(4) / 3
    const scores = { vqa_correct: score > 0.5 ? 1 : 0, vqa_acc_score: score, vqa_eval_mode: 'file' }
    return { pointer: random.sample(POOL, 2), gen_method: 'random', ...scores }
  }
  const query = (id: number): object => ({
    query: { query_id: id, question_id: id, image_id: id, question: 'What?', gt_answers_raw: ['a'] },
    candidate_pool_ids: POOL,
    pointer_candidates: Array.from({ length: 6 }, outcome),
  })
  writeFileSync(at('rl.json'), JSON.stringify(Object.fromEntries(QUERIES.map((id) => [id, query(id)]))))
  const ids = [...QUERIES, ...POOL]
  const data = Float32Array.from({ length: ids.length * D }, () => random.normal())
  const embeddings = { dtype: 'F32' as const, shape: [ids.length, D], data }
  const rows = { dtype: 'I64' as const, shape: [ids.length], data: BigInt64Array.from(ids, BigInt) }
  const tensors = new Map<string, typeof embeddings | typeof rows>([
    ['embeddings', embeddings],
    ['ids', rows],
  ])
  writeFileSync(at('e.safetensors'), encodeSafetensors({ tensors }))
}

test('a policy that learnt nothing is called untrained by train, by evaluate and in the report', async () => {
  writeInputs()
  const data = ['--rl-data', at('rl.json'), '--embeddings', at('e.safetensors')]
  const idle = ['--preset', 'recommended', '--listwise-epochs', '1', '--listwise-lr', '1e-30']
  const trained = await lever(['train', ...data, ...idle, '--no-floor', '--out', at('policy')])
  expect(trained.code).toBe(0)
  expect(trained.stderr).toContain('warning: the best policy is the untrained one')

  const checkpoint = at('policy/checkpoints/best.safetensors')
  const evaluated = await lever([
    ...['evaluate', '--from-rl-data', at('rl.json'), '--embeddings', at('e.safetensors'), '--shots', '2'],
    ...['--policies', `mine=${checkpoint}`, '--selectors', 'random', '--resamples', '100'],
    ...['--out', at('evaluated')],
  ])
  expect(evaluated.code).toBe(0)
  expect(evaluated.stderr).toContain('warning: mine is an untrained policy')
  expect(readFileSync(at('evaluated/report.html'), 'utf8')).toContain('mine is an untrained policy')
  expect((await lever(['checkpoint', 'inspect', checkpoint])).stdout).toContain('never trained')
}, 120_000)

test('with the floor the checkpoint chooses by a baseline, and train, evaluate and the report say so', async () => {
  const data = ['--rl-data', at('rl.json'), '--embeddings', at('e.safetensors')]
  const idle = ['--preset', 'recommended', '--listwise-epochs', '1', '--listwise-lr', '1e-30']
  const trained = await lever(['train', ...data, ...idle, '--val-ratio', '0.4', '--out', at('floor')])
  expect(trained.code).toBe(0)
  const [, chosen = ''] = /the checkpoint chooses by (\S+);/.exec(trained.stderr) ?? []
  expect(trained.stdout).toMatch(new RegExp(`${chosen} .* chosen`))

  const checkpoint = at('floor/checkpoints/best.safetensors')
  const inspected = (await lever(['checkpoint', 'inspect', checkpoint])).stdout
  expect(inspected).toContain(`${chosen} (best by accuracy on validation)`)
  expect(inspected).not.toContain('never trained')
  const evaluated = await lever([
    ...['evaluate', '--from-rl-data', at('rl.json'), '--embeddings', at('e.safetensors'), '--shots', '2'],
    ...['--policies', `mine=${checkpoint}`, '--selectors', 'random', '--resamples', '100'],
    ...['--out', at('evaluated-floor')],
  ])
  expect(evaluated.stderr).toContain(`warning: mine chooses by ${chosen}`)
  expect(readFileSync(at('evaluated-floor/report.html'), 'utf8')).toContain(`mine chooses by ${chosen}`)
}, 120_000)
