import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'

const TINY = new URL('../../../fixtures/tiny-text/', import.meta.url).pathname
const MODEL = ['--model', join(TINY, 'matmul'), '--workers', '1', '--threads', '1']
const { world } = JSON.parse(readFileSync(join(TINY, 'expected.json'), 'utf8')) as {
  world: { context: string; question: string; answer: string }[]
}

/** Questions about contexts, no image anywhere. */
function textDataset(folder: string, name: string, count: number): string {
  const place = join(folder, name)
  mkdirSync(place)
  const rows = Array.from({ length: count }, (_, i) => {
    const { context, question, answer } = world[i % world.length]!
    const others = ['what', 'gitb', answer, answer, answer]
    return { question_id: i, context: `${name} ${i}: ${context}`, question, answers: [answer, ...others] }
  })
  writeFileSync(join(place, 'questions.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  return place
}

describe('a text model on a dataset without images', () => {
  test('embeds, measures expected accuracy, trains and evaluates', async () => {
    const folder = scratch()
    const run = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await lever(args, { cwd: folder })
      expect([code, stderr]).toEqual([0, expect.anything()])
      return stdout
    }
    const library = textDataset(folder, 'library', 12)
    const test = textDataset(folder, 'test', 6)
    for (const place of [library, test]) {
      const sentence = ['--embedder', 'sentence', '--model', join(TINY, 'sentences')]
      const said = await run('embed', ...sentence, '--dataset', place, '--out', `${place}.safetensors`)
      expect(said).toContain('rows of 32 numbers (both) by tiny-sentences')
    }
    const embeddings = ['--embeddings', 'library.safetensors']
    const sizes = ['--shots', '1', '--pool-size', '6', '--num-beams', '0', '--num-samples-per-temp', '0']
    const proposals = ['--num-retrieval', '2', '--num-random', '3', '--reward', 'expected']
    await run(
      'generate',
      ...MODEL,
      '--dataset',
      library,
      ...embeddings,
      ...sizes,
      ...proposals,
      '--out',
      'rl',
    )
    const data = JSON.parse(readFileSync(join(folder, 'rl', 'rl-data.json'), 'utf8')) as {
      _meta: { protocol: { template: string; decoding: object } }
    }
    expect(data._meta.protocol).toMatchObject({ template: 'caption', decoding: { stop: ['\n'] } })
    const reward = ['--reward-mode', 'expected_accuracy', '--preset', 'recommended', '--listwise-epochs', '1']
    await run('train', '--rl-data', 'rl/rl-data.json', ...embeddings, ...reward, '--out', 'policy')
    const places = ['--dataset', test, '--pool-dataset', library, '--pool-size', '6']
    const rows = ['--embeddings', 'test.safetensors', '--pool-embeddings', 'library.safetensors']
    const policy = ['--policies', 'pointer=policy/checkpoints/best.safetensors', '--shots', '0', '1', '2']
    const selectors = [
      '--selectors',
      'zero-shot',
      'random',
      'rices-both',
      '--seeds',
      '1',
      '--resamples',
      '200',
    ]
    const table = await run('evaluate', ...MODEL, ...places, ...rows, ...policy, ...selectors, '--out', 'e')
    for (const name of ['zero-shot', 'random', 'rices-both', 'pointer']) expect(table).toContain(name)
  })

  test('what needs images refuses it before a prompt is asked', async () => {
    const folder = scratch()
    const place = textDataset(folder, 'texts', 6)
    const bundled = await lever(['generate', '--dataset', place, '--pool-size', '4', '--out', 'rl'], {
      cwd: folder,
    })
    expect(bundled.code).toBe(2)
    expect(bundled.stderr).toContain(
      'the prompt template shapes shows images, and no example of the queries has one',
    )
    const pooled = await lever(['embed', '--dataset', place, '--out', 'x.safetensors'], { cwd: folder })
    expect(pooled.code).toBe(2)
    expect(pooled.stderr).toContain('example 0: there is no image')
  })
})
