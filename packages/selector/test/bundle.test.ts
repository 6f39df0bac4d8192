import { appendFile, cp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { getTemplate } from '@lever/vqa-model'
import { checkBundle, openSelector, writeBundle } from '../src/index.ts'
import {
  bundleOf,
  embed,
  MODEL,
  openSplit,
  randomPolicy,
  scratch,
  WORLD,
  type Bundled,
} from './support/world.ts'

let bundled: Bundled
beforeAll(async () => {
  bundled = await bundleOf(40)
})

/** A copy that may be spoilt. */
async function copyOf({ folder }: Bundled): Promise<string> {
  const copy = join(await scratch(), 'copy')
  await cp(folder, copy, { recursive: true })
  return copy
}

test('a bundle needs nothing but its folder, wherever it is moved', async () => {
  const copy = await copyOf(bundled)
  const moved = join(await scratch(), 'moved')
  await rename(copy, moved)
  const [here, there] = [await openSelector(bundled.folder), await openSelector(moved)]
  const { question, image } = (await openSplit('test', 1)).examples[0]!
  const strip = async (selector: typeof here): Promise<unknown> => {
    const { demonstrations, messages } = await selector.select({ question, image })
    return [
      demonstrations.map(({ id, score, similarity }) => ({ id, score, similarity })),
      await messages.openai(),
    ]
  }
  expect(await strip(there)).toEqual(await strip(here))
  for (const file of ['manifest.json', 'library.jsonl']) {
    const text = await readFile(join(moved, file), 'utf8')
    for (const place of [bundled.folder, WORLD, process.cwd()]) expect(text).not.toContain(place)
  }
  await here.close()
  await there.close()
})

test('the manifest says what is inside, and what it takes', async () => {
  const { manifest, folder, embeddings } = bundled
  expect(manifest).toMatchObject({
    format: 'lever-bundle',
    version: 1,
    selector: { kind: 'policy', name: 'policy', because: 'trained' },
    pool: { method: 'mixed', size: 32, seed: 5 },
    policy: { architecture: 'mlp-cross-attention', phase: 'rce', untrained: false },
    embedder: { embedder: 'vision-pool', kind: 'both', dim: embeddings.dim, hash: embeddings.modelHash },
    library: { examples: 40, split: 'train' },
  })
  const { bytes, files } = manifest
  const rows = 40 * (4 * embeddings.dim + 8)
  expect(bytes['embeddings']).toBeGreaterThan(rows)
  expect(bytes['embeddings']).toBeLessThan(rows + 1000)
  for (const [name, { bytes: size }] of Object.entries(files)) {
    expect((await stat(join(folder, name))).size).toBe(size)
  }
  expect(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))).toEqual(manifest)
})

test('the same inputs give the same bundle', async () => {
  const again = await bundleOf(40)
  expect(again.manifest).toEqual(bundled.manifest)
})

describe('what is damaged is refused', () => {
  test.each<[string, (folder: string) => Promise<unknown>, string]>([
    ['no manifest', (f) => rm(join(f, 'manifest.json')), 'is not a bundle'],
    ['another JSON', (f) => writeFile(join(f, 'manifest.json'), '{}'), 'is not the manifest of a bundle'],
    ['no JSON', (f) => writeFile(join(f, 'manifest.json'), '{'), 'is not JSON'],
    ['a changed policy', (f) => spoil(join(f, 'policy.safetensors')), 'has another SHA-256'],
    ['changed embeddings', (f) => spoil(join(f, 'embeddings.safetensors')), 'has another SHA-256'],
    ['a cut library', (f) => truncate(join(f, 'library.jsonl'), 100), 'has 100 bytes, and the manifest says'],
    ['a longer library', (f) => appendFile(join(f, 'library.jsonl'), '\n'), 'bytes, and the manifest says'],
    [
      'no embedder',
      (f) => rm(join(f, 'embedder/onnx/vision_encoder.onnx')),
      'vision_encoder.onnx is missing',
    ],
    ['a later version', (f) => edit(f, (m) => ({ ...m, version: 2 })), 'is of version 2, and 1 can be read'],
    [
      'a path outside',
      (f) => edit(f, (m) => ({ ...m, files: { '../a': { bytes: 1, sha256: '' } } })),
      'names "../a", which is not inside the bundle',
    ],
    [
      'another embedder',
      (f) => edit(f, (m) => ({ ...m, embedder: { ...(m['embedder'] as object), hash: 'abc' } })),
      'not those of the manifest',
    ],
  ])('%s', async (_, damage, message) => {
    const copy = await copyOf(bundled)
    await damage(copy)
    await expect(openSelector(copy)).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining(message) as unknown,
    })
  })

  test('also what is damaged in a way that sizes do not show, where hashes are not compared', async () => {
    const copy = await copyOf(bundled)
    const path = join(copy, 'library.jsonl')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"answer"', '"answes"'))
    await expect(checkBundle(copy, { trusted: true })).resolves.toBeDefined()
    await expect(openSelector(copy, { trusted: true })).rejects.toThrow('library.jsonl:1 is not an example')
    const lines = text.split('\n')
    await writeFile(path, [lines[1], lines[0], ...lines.slice(2)].join('\n'))
    await expect(openSelector(copy, { trusted: true })).rejects.toThrow('in another order')
  })

  test('an embedder of other files', async () => {
    const copy = await copyOf(bundled)
    const tokenizer = join(copy, 'embedder/tokenizer.json')
    await writeFile(tokenizer, (await readFile(tokenizer, 'utf8')).replace('"truncation"', '"Truncation"'))
    await expect(openSelector(copy, { trusted: true })).rejects.toThrow('is not the one of the bundle')
  })
})

test('without images and embedder a bundle is small, and says what it needs', async () => {
  const small = await bundleOf(20, { includeImages: false, thumbnails: false, includeEmbedder: false })
  expect(small.manifest.bytes).toMatchObject({ images: 0, thumbnails: 0, embedder: 0 })
  await expect(openSelector(small.folder)).rejects.toThrow('does not include its embedder')
  const selector = await openSelector(small.folder, { embedderModel: MODEL })
  const { question, image } = (await openSplit('test', 1)).examples[0]!
  const { demonstrations, messages } = await selector.select({ question, image })
  expect(demonstrations.every((one) => one.image === null && one.thumbnail === null)).toBe(true)
  const shown = (await messages.openai()).flatMap(({ content }) =>
    typeof content === 'string' ? [] : content,
  )
  expect(shown.filter(({ type }) => type === 'image_url')).toHaveLength(1)
  await selector.close()
})

test('a bundle of a baseline alone chooses by it and says so', async () => {
  const { folder, manifest } = await bundleOf(40, { policy: undefined, selector: 'rices-both' })
  expect(manifest).toMatchObject({ policy: null, selector: { kind: 'baseline', name: 'rices-both' } })
  const selector = await openSelector(folder)
  const { question, image } = (await openSplit('test', 1)).examples[0]!
  const { selector: by, demonstrations } = await selector.select({ question, image })
  expect(by).toEqual({ kind: 'baseline', name: 'rices-both', because: 'asked', note: null })
  for (const { score, similarity } of demonstrations) expect(score).toBeCloseTo(similarity, 6)
  await expect(selector.select({ question, image }, { selector: 'policy' })).rejects.toThrow('has no policy')
  await selector.close()
})

test('an index finds what the comparison of all rows finds', async () => {
  const policy = bundled
  const indexed = await bundleOf(40, { index: true })
  expect(indexed.manifest.indexes).toEqual(['both', 'text', 'image'])
  const [a, b] = [await openSelector(policy.folder), await openSelector(indexed.folder, { writable: true })]
  const { examples } = await openSplit('test', 30)
  for (const selector of ['policy', 'rices-both', 'rices-text', 'mmices'] as const) {
    const queries = examples.map(({ id, question, image }) => ({ id, question, image }))
    const [x, y] = [await a.selectMany(queries, { selector }), await b.selectMany(queries, { selector })]
    expect(y.map((one) => one.demonstrations.map(({ id }) => id))).toEqual(
      x.map((one) => one.demonstrations.map(({ id }) => id)),
    )
  }
  const { question, image } = examples[0]!
  const added = await b.add({ question, answer: 'new', image: examples[1]!.image })
  const nearest = async (): Promise<number[]> =>
    (await b.select({ question, image }, { selector: 'rices-text', shots: 8 })).demonstrations.map(
      ({ id }) => id,
    )
  expect(await nearest()).toContain(added.id)
  await b.remove(added.id)
  expect(await nearest()).not.toContain(added.id)
  await a.close()
  await b.close()
})

describe('what does not belong together is refused', () => {
  const attempt = async (options: Parameters<typeof writeBundle>[0] | object): Promise<unknown> => {
    const { train, embeddings, policy } = bundled
    return writeBundle({
      ...{ out: join(await scratch(), 'b'), dataset: train, embeddings, policy, shots: 2 },
      ...{ template: getTemplate('shapes'), embedder: 'vision-pool', embedderModel: MODEL },
      ...options,
    })
  }

  test.each<[string, () => object | Promise<object>, string]>([
    ['nothing that chooses', () => ({ policy: undefined }), 'needs a policy, or a baseline'],
    ['an unknown baseline', () => ({ selector: 'rices' }), 'there is no selector rices'],
    ['one that needs a model', () => ({ selector: 'zero-shot' }), 'chooses no demonstrations'],
    ['too many shots', () => ({ shots: 33 }), '33 shots are asked for from pools of 32'],
    ['an unknown pool method', () => ({ poolMethod: 'best' }), 'there is no pool method best'],
    [
      'embeddings of unknown origin',
      () => ({ embeddings: { ...bundled.embeddings, modelHash: '' } }),
      'do not say what made them',
    ],
    [
      'embeddings of another embedder',
      () => ({ embeddings: { ...bundled.embeddings, modelHash: 'abc' } }),
      'not by shapes-vqa:vision-pool',
    ],
    [
      'a policy of another size',
      async () => ({ policy: await randomPolicy(await scratch(), 8) }),
      'was trained on embeddings of size 8, and these have size 320',
    ],
    [
      'an example without a row',
      async () => ({ dataset: await openSplit('train', 41) }),
      'have no row for example',
    ],
    [
      'a pool method without its embeddings',
      async () => {
        const embeddings = await embed(bundled.train, 'text')
        return { embeddings, policy: await randomPolicy(await scratch(), embeddings.dim) }
      },
      'the pool method mixed needs image embeddings, and these hold text',
    ],
  ])('%s', async (_, options, message) => {
    await expect(attempt(await options())).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message: expect.stringContaining(message) as unknown,
    })
  })
})

test('questions alone are enough where the embeddings are of texts', async () => {
  const train = await openSplit('train', 40)
  const embeddings = await embed(train, 'text')
  const { folder } = await bundleOf(40, { embeddings, policy: undefined, selector: 'rices-text' })
  const selector = await openSelector(folder)
  const { demonstrations } = await selector.select({ question: train.examples[3]!.question })
  expect(demonstrations.at(-1)!.similarity).toBeCloseTo(1, 5)
  await expect(selector.select({ question: 'a' }, { selector: 'rices-image' })).rejects.toThrow(
    'holds text embeddings, and image ones are needed',
  )
  await selector.close()
})

async function spoil(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length - 3]! ^= 1
  await writeFile(path, bytes)
}

async function edit(folder: string, change: (manifest: Record<string, unknown>) => object): Promise<void> {
  const path = join(folder, 'manifest.json')
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  await writeFile(path, JSON.stringify(change(manifest)))
}
