import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder, questions } = smallWorld(join(root, 'world'), 'train', 14, { copyImages: true })
const gone = questions.questions[0]!.image_id
rmSync(join(folder, 'images', `${gone}.png`))
const left = questions.questions.filter(({ image_id }) => image_id === gone).length
const at = (name: string): string => join(root, name)
const skip = ['--dataset', folder, '--skip-missing-images']

test('questions without an image are left out of every stage, when asked for', async () => {
  const embeddings = at('embeddings.safetensors')
  const refused = await lever(['embed', '--dataset', folder, '--out', embeddings])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--skip-unreadable-images')
  const embedded = await lever(['embed', ...skip, '--out', embeddings])
  expect(embedded.code).toBe(0)
  expect(embedded.stderr).toContain(`${left} questions without an image are left out`)

  const common = ['--embeddings', embeddings, '--pool-size', '6', '--workers', '1', '--quiet']
  const generate = ['generate', ...skip, ...common, '--num-beams', '0', '--num-samples-per-temp', '0']
  expect(await lever([...generate, '--out', at('rl')])).toMatchObject({ code: 0, stderr: '' })
  const data = JSON.parse(readFileSync(join(at('rl'), 'rl-data.json'), 'utf8')) as Record<
    string,
    { candidate_pool_ids?: number[] }
  >
  const { _meta, ...queries } = data
  expect(_meta).toMatchObject({ dataset: { num_rows: 14 - left } })
  expect(Object.keys(queries)).toHaveLength(14 - left)
  const missing = questions.questions.filter(({ image_id }) => image_id === gone)
  for (const { candidate_pool_ids: pool } of Object.values(queries)) {
    for (const { question_id } of missing) expect(pool).not.toContain(question_id)
  }

  const beams = await lever(['beams', ...skip, '--pool-size', '6', '--quiet', '--out', at('beams')])
  expect(beams).toMatchObject({ code: 0, stderr: '' })
  const evaluate = ['evaluate', ...skip, ...common, '--selectors', 'zero-shot', 'random', '--shots', '0', '1']
  expect(await lever([...evaluate, '--out', at('eval')])).toMatchObject({ code: 0 })
  const report = await lever(['report', at('eval'), '--out', at('report.html'), '--json'])
  expect(report.code).toBe(0)
  expect(report.stderr).not.toContain('is not the one of the run')
})
