import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { encodeSafetensors } from '@lever/tensor-files'
import { lever, scratch } from './support/lever.ts'
import type { Ran } from './support/lever.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
const D = 8
const POOL = [100, 101, 102, 103, 104, 105]
const QUERIES = Array.from({ length: 20 }, (_, i) => i)

/** RL data of 20 queries with 4 pointers each; `change` alters an outcome. */
function rlData(
  change: (outcome: Record<string, unknown>, query: number) => object = (same) => same,
): object {
  const random = createRandom(5, 'outcomes')
  return Object.fromEntries(
    QUERIES.map((id) => [
      String(id),
      {
        query: { query_id: id, question_id: id, image_id: id, question: 'What?', gt_answers_raw: ['a'] },
        candidate_pool_ids: POOL,
        pointer_candidates: Array.from({ length: 4 }, () => {
          const score = random.int(4) / 3
          const outcome = {
            pointer: random.sample(POOL, 2),
            gen_method: 'sample',
            logprob_score: -3 - random.next(),
            vqa_correct: score > 0.5 ? 1 : 0,
            vqa_acc_score: score,
            vqa_eval_mode: 'file',
          }
          return change(outcome, id)
        }),
      },
    ]),
  )
}

function save(name: string, data: object | string): string {
  writeFileSync(at(name), typeof data === 'string' ? data : JSON.stringify(data))
  return at(name)
}

beforeAll(() => {
  const ids = [...QUERIES, ...POOL]
  const random = createRandom(1, 'embeddings')
  const bytes = encodeSafetensors({
    tensors: new Map([
      [
        'embeddings',
        {
          dtype: 'F32' as const,
          shape: [ids.length, D],
          data: Float32Array.from({ length: ids.length * D }, () => random.normal() / Math.sqrt(D)),
        },
      ],
      [
        'ids',
        { dtype: 'I64' as const, shape: [ids.length], data: BigInt64Array.from(ids.map((id) => BigInt(id))) },
      ],
    ]),
  })
  writeFileSync(at('e.safetensors'), bytes)
  save('rl.json', rlData())
})

const train = (out: string, ...more: string[]): Promise<Ran> =>
  lever([
    ...['train', '--rl-data', at('rl.json'), '--embeddings', at('e.safetensors'), '--out', at(out)],
    ...['--hidden', '4', '--rce-epochs', '1', '--batch-size', '8', ...more],
  ])

interface Phases {
  config: { phases: { objective: string; freeze?: string[]; options?: object }[] }
}
const phaseOf = (out: string, objective: string): Phases['config']['phases'][number] | undefined =>
  (JSON.parse(readFileSync(at(`${out}/manifest.json`), 'utf8')) as Phases).config.phases.find(
    (phase) => phase.objective === objective,
  )

test('--freeze-backbone freezes what there is of it, also without an input projection', async () => {
  const more = ['--grpo-epochs', '1', '--freeze-backbone']
  expect(await train('frozen', ...more)).toMatchObject({ code: 0 })
  expect(phaseOf('frozen', 'grpo')!.freeze).toEqual(['input_proj.*', 'query_proj.*', 'cand_proj.*'])
  const square = await lever([
    ...['train', '--rl-data', at('rl.json'), '--embeddings', at('e.safetensors'), '--out', at('square')],
    ...['--hidden', String(D), '--rce-epochs', '1', ...more],
  ])
  expect(square).toMatchObject({ code: 0 })
  expect(phaseOf('square', 'grpo')!.freeze).toEqual(['query_proj.*', 'cand_proj.*'])
}, 60_000)

test('the parts that the data name are kept, what is in none of them is counted, and they can be left', async () => {
  const ids = (from: number, to: number): number[] => QUERIES.slice(from, to)
  const parts = { train_ids: ids(0, 12), val_ids: ids(12, 16), test_ids: ids(16, 19) }
  save('parts.json', { _meta: parts, ...rlData() })
  const split = async (out: string, files: readonly string[], ...more: string[]): Promise<Ran> =>
    lever([
      ...['train', '--rl-data', ...files.map(at), '--embeddings', at('e.safetensors'), '--out', at(out)],
      ...['--hidden', '4', '--rce-epochs', '1', '--batch-size', '8', '--json', ...more],
    ])
  const named = await split('named', ['parts.json'])
  expect(JSON.parse(named.stdout)).toMatchObject({
    audit: { queries: 12, validationQueries: 4 },
    dropped: { 'questions of the test_ids': 3, 'questions in no part': 1 },
  })
  expect(named.stderr).toContain('validated on the val_ids of the data, not by --val-ratio')
  const twice = await split('twice', ['parts.json', 'parts.json'])
  expect(JSON.parse(twice.stdout)).toMatchObject({ audit: { queries: 24, validationQueries: 8 } })
  const anew = await split('anew', ['parts.json', 'rl.json'], '--split-by', 'image')
  expect(JSON.parse(anew.stdout)).toMatchObject({ audit: { queries: 36, validationQueries: 4 }, dropped: {} })
  const mixed = await split('mixed', ['parts.json', 'rl.json'])
  expect(mixed).toMatchObject({ code: 2, stdout: '' })
  expect(mixed.stderr).toMatch(/parts\.json names the questions .*rl\.json does not; .* --split-by image/)
}, 60_000)

test("GRPO's iterations and importance sampling, and its metrics", async () => {
  const more = ['--grpo-epochs', '2', '--num_iterations', '2', '--importance-sampling-mode', 'mask']
  expect(await train('grpo', ...more, '--importance-sampling-cap', '1.5')).toMatchObject({ code: 0 })
  expect(phaseOf('grpo', 'grpo')!.options).toEqual({ numIterations: 2, behaviour: 'mask', behaviourCap: 1.5 })
  const rows = readFileSync(at('grpo/metrics.jsonl'), 'utf8').trimEnd().split('\n')
  const steps = rows
    .map((row) => JSON.parse(row) as Record<string, unknown>)
    .filter((row) => row['phase'] === 'grpo' && row['event'] === undefined)
  expect(steps[0]).toMatchObject({ 'pointer/ratio_mean': 1, kl: 0 })
  expect(steps.at(-1)).toMatchObject({ 'pointer/behaviour_cut': expect.any(Number) as unknown })
}, 60_000)

describe('refused with exit code 2, before anything is trained', () => {
  test.each([
    [['--set', 'rce.lr=1'], /rce has no option "lr"; .* a phase itself has epochs, learningRate/],
    [['--grpo-epochs', '1', '--set', 'grpo.klTargetLow=1'], /phase grpo: reward-utils: adaptive KL needs/],
    [['--set', 'rce.freeze=none.*'], /phase rce: onnx-grad: freeze "none\.\*" matches no parameter/],
    [['--use-ppo-clip-only', '--kl-beta', '0.1'], /give one of them/],
  ] as const)('%j', async (more, message) => {
    const { code, stdout, stderr } = await train('refused', ...more)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  test.each([
    ['NaN in the file', JSON.stringify(rlData()).replace(/"vqa_acc_score":[^,]+/, '"vqa_acc_score":NaN')],
    ['null', rlData((outcome, id) => (id === 7 ? { ...outcome, vqa_acc_score: null } : outcome))],
    ['text', rlData((outcome, id) => (id === 7 ? { ...outcome, vqa_acc_score: 'NaN' } : outcome))],
  ])('a reward that is not a number: %s', async (name, data) => {
    save(`${name}.json`, data)
    const { code, stderr } = await lever([
      ...['train', '--rl-data', at(`${name}.json`), '--embeddings', at('e.safetensors')],
      ...['--hidden', '4', '--rce-epochs', '1', '--out', at('nan')],
    ])
    expect(code).toBe(2)
    expect(stderr).toMatch(name === 'NaN in the file' ? /NaN in the file\.json/ : /query 7/)
  })
})

test('a training that breaks says what there is to go back to', async () => {
  const wild = ['--set', 'rce.learningRate=1e30', 'rce.clipNorm=null']
  const { code, stderr } = await train('wild', ...wild)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /(loss|grad_norm) of step \d is .*; queries of the batch: \d+(, \d+)*; no epoch was finished before, so/,
  )
}, 30_000)
