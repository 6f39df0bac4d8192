import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Ran } from './support/lever.ts'
import { lever, scratch } from './support/lever.ts'
import type { SmallWorld } from './support/world.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const at = (name: string): string => join(root, name)
let world: SmallWorld
let broken: SmallWorld

function put(name: string, content: unknown): string {
  writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content))
  return at(name)
}

/** Runs a command that must be refused, and gives its sentence. Nothing in `root` may have changed but new names of `made`. */
async function refused(
  args: readonly string[],
  made: readonly string[] = [],
  { sentences = 1 }: { sentences?: number } = {},
): Promise<string> {
  const before = contents()
  const ran: Ran = await lever(args)
  expect({ ...ran, stderr: '' }).toEqual({ code: 2, signal: null, stdout: '', stderr: '' })
  const lines = ran.stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !/^(warning: |embed: |train |generate: )/.test(line))
  expect(lines).toHaveLength(sentences)
  expect(lines[0]).toMatch(/^lever: /)
  const after = contents()
  for (const [path, bytes] of before)
    expect({ path, same: after.get(path)?.equals(bytes) }).toEqual({ path, same: true })
  const fresh = [...after.keys()].filter(
    (path) => !before.has(path) && !made.some((name) => path.startsWith(name)),
  )
  expect(fresh).toEqual([])
  return lines.join('\n').slice('lever: '.length)
}

function contents(): Map<string, Buffer> {
  const found = readdirSync(root, { recursive: true, withFileTypes: true })
  return new Map(
    found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(root.length + 1), readFileSync(path)]),
  )
}

const candidate = (pointer: number[], vqa_acc_score = 1): object => ({
  pointer,
  vqa_acc_score,
  vqa_correct: vqa_acc_score > 0 ? 1 : 0,
  vqa_eval_mode: 'file',
})

beforeAll(async () => {
  world = smallWorld(at('world'), 'train', 24)
  broken = smallWorld(at('broken'), 'train', 24, { copyImages: true })
  const [first] = broken.questions.questions
  writeFileSync(join(broken.folder, 'images', `${first!.image_id}.png`), 'this is not an image')
  const made = await lever(['embed', '--dataset', world.folder, '--out', at('world.safetensors'), '--quiet'])
  expect(made).toMatchObject({ code: 0, stderr: '' })
  put('rl.json', {
    1: { candidate_pool_ids: [5, 6, 7], pointer_candidates: [candidate([5, 6]), candidate([6, 7], 0)] },
  })
})

describe('score', () => {
  const run = (results: unknown, ...more: string[]): Promise<string> =>
    refused([
      'score',
      '--annotations',
      join(world.folder, 'annotations.json'),
      '--results',
      put('results.json', results),
      ...more,
    ])

  test('a missing file', async () => {
    expect(await refused(['score', '--annotations', at('none.json'), '--results', at('none.json')])).toBe(
      `--annotations: there is no file ${at('none.json')}; check the path`,
    )
  })

  test('broken JSON, with its line', async () => {
    expect(await run('[\n{"question_id": 1, "answer": "a"},\n{"question_id": 2 "answer"}\n]')).toMatch(
      /results\.json, line 3.*row 2/,
    )
  })

  test('a wrong schema, with its place', async () => {
    const rows = world.questions.questions.map(({ question_id }) => ({ question_id, answer: 5 }))
    expect(await run(rows)).toMatch(/results\.json.*\[0\].*answer must be a string/)
  })

  test('ids that match nothing: the official sentence, counts and ids', async () => {
    const args = ['score', '--annotations', join(world.folder, 'annotations.json'), '--results']
    const message = await refused([...args, put('results.json', [{ question_id: 1, answer: 'a' }])], [], {
      sentences: 5,
    })
    expect(message).toMatch(/^Results do not correspond to current VQA set/)
    expect(message).toContain('1 predicted question(s) that are not annotated (unexpected): 1')
    expect(message).toContain('--allow-partial')
  })

  test('an output that exists', async () => {
    const rows = world.questions.questions.map(({ question_id }) => ({ question_id, answer: 'a' }))
    expect(await run(rows, '--per-question', at('rl.json'))).toBe(
      `--per-question: ${at('rl.json')} exists and is not overwritten; choose another path`,
    )
  })

  test('the fallback must be asked for', async () => {
    const rows = world.questions.questions.map(({ question_id }) => ({ question_id, answer: 'a' }))
    expect(await run(rows, '--mode', 'fallback')).toContain('--allow-fallback')
  })
})

describe('data', () => {
  test('a missing file, and a folder', async () => {
    expect(await refused(['data', 'describe', at('none.json')])).toContain('there is no file')
    expect(await refused(['data', 'describe', root])).toContain('holds no dataset: there is no')
  })

  test('broken JSON, with its line', async () => {
    const file = put('broken.json', '{\n"1": {"pointer_candidates": [\n{"pointer": [5, 6]},,\n]}}')
    expect(await refused(['data', 'describe', file])).toMatch(/broken\.json.*line 3/)
  })

  test('a wrong schema, with query and candidate', async () => {
    const file = put('schema.json', {
      7: { pointer_candidates: [candidate([5, 6]), { ...candidate([6, 7]), vqa_acc_score: 'high' }] },
    })
    expect(await refused(['data', 'convert', file, '--out', at('converted.json')])).toMatch(
      /query 7, candidate 1.*vqa_acc_score/,
    )
  })

  test('validate prints the problems and exits with 2', async () => {
    const file = put('pool.json', {
      7: { candidate_pool_ids: [5, 6], pointer_candidates: [candidate([5, 99])] },
    })
    const { code, stdout } = await lever(['data', 'validate', file, '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ errors: 1, problems: [{ queryId: 7, candidate: 0 }] })
  })

  test('outputs are never overwritten, inputs neither', async () => {
    const file = at('rl.json')
    for (const args of [
      ['convert', file, '--out', file],
      ['merge', file, '--out', file],
      ['filter', file, '--filters', 'mixed', '--out', file],
    ]) {
      expect(await refused(['data', ...args])).toContain('exists and is not overwritten')
    }
    expect(await refused(['data', 'convert', file, '--out', join(file, 'below.json')])).toContain(
      'is a file; give a folder',
    )
  })

  test('files that do not belong together, and filters that do not exist', async () => {
    const [a, b] = ['a', 'b'].map((hash) =>
      put(`${hash}.json`, { _meta: { protocol: { hash } }, 1: { pointer_candidates: [candidate([5, 6])] } }),
    )
    expect(await refused(['data', 'merge', a!, b!, '--out', at('merged.json')])).toContain('protocol')
    expect(await refused(['data', 'filter', a!, '--filters', 'mixd', '--out', at('f.json')])).toContain(
      'unknown filter mixd',
    )
  })
})

describe('embed', () => {
  const embed = (...args: string[]): Promise<string> =>
    refused(['embed', '--out', at('new.safetensors'), ...args])

  test('datasets that are not there', async () => {
    expect(await embed()).toBe('there is no dataset; give --dataset, a folder, or --questions')
    expect(await embed('--dataset', at('nowhere'))).toContain('there is no folder')
    mkdirSync(at('empty'))
    expect(await embed('--dataset', at('empty'))).toContain('holds no dataset: there is no')
    expect(await embed('--dataset', world.folder, '--questions', 'x')).toContain('give one of them')
  })

  test('a questions file that is broken', async () => {
    expect(await embed('--questions', put('q.json', '{"questions": [\n{"question_id": 1,\n}]}'))).toMatch(
      /q\.json, line 3.*questions\[0\]/,
    )
  })

  test('no image that matches', async () => {
    expect(await embed('--dataset', world.folder, '--images', at('empty'))).toContain(
      '24 of 24 questions have no image in',
    )
  })

  test('an unreadable image', async () => {
    const args = ['embed', '--out', at('new.safetensors'), '--dataset', broken.folder]
    expect(await refused(args, ['new.safetensors'], { sentences: 2 })).toMatch(/repair what is listed/)
  })

  test('a model that is not there', async () => {
    expect(await embed('--dataset', world.folder, '--model', at('empty'))).toMatch(/empty/)
  })
})

describe('generate', () => {
  const generate = (...args: string[]): Promise<string> =>
    refused(['generate', '--dataset', world.folder, '--pool-size', '8', '--workers', '1', ...args], ['run'])

  test('embeddings of other examples', async () => {
    const other = smallWorld(at('other'), 'test', 12)
    await lever(['embed', '--dataset', other.folder, '--out', at('other.safetensors'), '--quiet'])
    expect(await generate('--embeddings', at('other.safetensors'), '--out', at('run1'))).toMatch(
      /no row for example \d+/,
    )
  })

  test('a shard that is none', async () => {
    expect(await generate('--shard', '3/2', '--out', at('run-shard'))).toContain('"3/2" is not a shard')
    expect(existsSync(at('run-shard'))).toBe(false)
  })

  test('nothing to measure', async () => {
    expect(await generate('--num-random', '0', '--out', at('run0'))).toContain('no pointer is proposed')
    expect(existsSync(at('run0'))).toBe(false)
  })

  test('embeddings that are none', async () => {
    expect(await generate('--embeddings', at('rl.json'), '--out', at('run1'))).toMatch(/rl\.json/)
  })

  test('a pool larger than the dataset', async () => {
    expect(await generate('--pool-size', '30', '--out', at('run1'))).toMatch(/given 2 times/)
    expect(
      await refused(['generate', '--dataset', world.folder, '--pool-size', '30', '--out', at('run1')]),
    ).toMatch(/30/)
  })

  test('an output directory that is not ours, or of another configuration', async () => {
    expect(await generate('--out', world.folder)).toContain('it is not a run directory; use another --out')
    const args = [
      'generate',
      '--dataset',
      world.folder,
      '--pool-size',
      '8',
      '--workers',
      '1',
      '--queries',
      '2',
      '--out',
      at('run2'),
      '--json',
    ]
    const first = await lever(args)
    expect(first.code).toBe(0)
    expect(await refused([...args, '--shots', '3'])).toMatch(
      /belongs to another configuration: .*use another --out/,
    )
    const again = await lever(args)
    expect(again.code).toBe(0)
    expect(JSON.parse(again.stdout)).toMatchObject({ statistics: { measured: 0 } })
  })

  test('an unreadable image', async () => {
    expect(
      await refused(
        ['generate', '--dataset', broken.folder, '--pool-size', '20', '--workers', '1', '--out', at('run3')],
        ['run3'],
      ),
    ).toMatch(/1\.png/)
  })
})

describe('evaluate', () => {
  const evaluate = (...args: string[]): Promise<string> =>
    refused(
      [
        'evaluate',
        '--dataset',
        world.folder,
        '--pool-size',
        '8',
        '--workers',
        '1',
        '--out',
        at('run4'),
        ...args,
      ],
      ['run4'],
    )

  test('selectors that do not exist, or lack embeddings', async () => {
    expect(await evaluate('--selectors', 'randm')).toContain('there is no selector randm')
    expect(await evaluate('--selectors', 'rices-both')).toContain('needs embeddings; give --embeddings')
  })

  test('baselines without embeddings leave retrieval out, with a warning', async () => {
    const { code, stderr } = await lever([
      ...['evaluate', '--dataset', world.folder, '--pool-size', '8', '--workers', '1'],
      ...['--shots', '0', '--selectors', 'baselines', '--out', at('no-embeddings')],
    ])
    expect({ code }).toEqual({ code: 0 })
    expect(stderr).toContain('without embeddings no retrieval is among the baselines')
  })

  test('embeddings of other examples', async () => {
    expect(await evaluate('--embeddings', at('other.safetensors'))).toMatch(
      /--embeddings have no row for example \d+ .*lever embed/,
    )
  })

  test('policies that cannot be', async () => {
    expect(await evaluate('--policies', 'x.safetensors')).toContain('is not NAME=FILE')
    expect(
      await evaluate('--policies', `a=${at('none')}`, '--embeddings', at('world.safetensors')),
    ).toContain('there is no file')
    expect(
      await evaluate('--policies', `a=${at('world.safetensors')}`, '--embeddings', at('world.safetensors')),
    ).toMatch(/world\.safetensors/)
  })

  test('more shots than a pool holds', async () => {
    expect(await evaluate('--shots', '0,9')).toContain('asks for 9 demonstrations from pools of 8')
  })
})

describe('train', () => {
  const train = (...args: string[]): Promise<string> =>
    refused(['train', '--embeddings', at('world.safetensors'), '--out', at('run5'), ...args], ['run5'])

  test('data whose ids are not in the embeddings', async () => {
    expect(await train('--rl-data', at('rl.json'))).toMatch(/rl\.json.*query 1.*no row in the embeddings/)
  })

  test('missing files, and settings that exclude each other', async () => {
    expect(await train('--rl-data', at('none.json'))).toContain('--rl-data: there is no file')
    expect(
      await train('--rl-data', at('rl.json'), '--rce_use_raw_reward', '--rce_use_normalized_reward'),
    ).toContain('has no effect with --rce-use-normalized-reward; give one of them')
    expect(await train('--rl-data', at('rl.json'), '--set', 'rec.epochs=1')).toContain('did you mean rce?')
  })
})

test('demo: an output directory that is not ours', async () => {
  expect(await refused(['demo', '--out', world.folder])).toContain(
    'it is not a run directory; use another --out',
  )
})
