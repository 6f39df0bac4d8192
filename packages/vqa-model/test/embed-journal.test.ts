import { appendFileSync, copyFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { embedExamples, openEmbedder } from '../src/index.ts'
import { bundledExamples, bundledModel, temporaryFolder } from './support/world.ts'

describe('a journal', () => {
  const examples = bundledExamples('train', 11)
  const options = { batch: 3, kind: 'both' } as const

  test.each([1, 2, 3])(
    'continues after %i batches to the same bytes, without embedding them again',
    async (batches) => {
      const embedder = await openEmbedder({ model: bundledModel })
      const whole = await embedExamples(embedder, examples, options)
      const journal = join(await temporaryFolder(), 'journal.jsonl')
      const abort = new AbortController()
      const stopped = embedExamples(embedder, examples, {
        ...{ ...options, journal, signal: abort.signal },
        onProgress: (done) => (done >= 3 * batches ? abort.abort() : undefined),
      })
      await expect(stopped).rejects.toThrow('aborted')
      appendFileSync(journal, '{"key":"9","val')
      const asked: string[] = []
      const watched = {
        ...embedder,
        images(paths: readonly string[]) {
          asked.push(...paths)
          return embedder.images(paths)
        },
      }
      expect(await embedExamples(watched, examples, { ...options, journal })).toEqual(whole)
      const before = new Set(examples.slice(0, 3 * batches).map(({ image }) => image))
      const after = examples.slice(3 * batches).map(({ image }) => image)
      expect(asked).toEqual([...new Set(after)].filter((image) => !before.has(image)))
      await embedder.close()
    },
  )

  test('of another embedder is refused, and a changed image is embedded again', async () => {
    const embedder = await openEmbedder({ model: bundledModel })
    const folder = await temporaryFolder()
    const journal = join(folder, 'journal.jsonl')
    const own = examples.slice(0, 4).map((example, i) => {
      copyFileSync(example.image, join(folder, `${i}.png`))
      return { ...example, image: join(folder, `${i}.png`) }
    })
    await embedExamples(embedder, own, { batch: 2, journal })
    await expect(
      embedExamples({ ...embedder, hash: 'other' }, own, { batch: 2, journal }),
    ).rejects.toMatchObject({
      code: 'LEVER_INPUT',
    })
    copyFileSync(examples[7]!.image, own[0]!.image)
    utimesSync(own[0]!.image, 1, 1)
    const again = await embedExamples(embedder, own, { batch: 2, journal })
    expect(again).toEqual(await embedExamples(embedder, own, { batch: 2 }))
    await embedder.close()
  })
})
