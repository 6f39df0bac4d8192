import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createModel, memberLogits, writeCheckpoint } from '@lever/pointer-model'
import { openSelector, selectionText, selectorNames } from '../src/index.ts'
import { bundleOf, embed, openSplit, scratch } from './support/world.ts'

/** RL data that showed the first examples of the library to questions of another split. */
async function measured(ids: readonly number[], gain: (i: number) => number): Promise<string> {
  const file = join(await scratch(), 'rl.json')
  const queries = [1, 2, 3].map((id) => [
    String(900_000 + id),
    {
      query: { query_id: 900_000 + id, image_id: `other ${id}` },
      candidate_pool_ids: ids,
      pointer_candidates: ids.map((one, i) => ({
        ...{ pointer: [i], pointer_global: [one], vqa_eval_mode: 'file' },
        ...{ vqa_acc_score: gain(i), vqa_gt_prob: gain(i) },
      })),
    },
  ])
  writeFileSync(file, JSON.stringify(Object.fromEntries(queries)))
  return file
}

test('static by name shows what gains most of the whole library, the best last', async () => {
  const train = await openSplit('train', 60)
  const [question] = (await openSplit('test', 1)).examples
  const ids = train.examples.slice(0, 6).map(({ id }) => id)
  const staticData = [await measured(ids, (i) => [0.1, 0.9, 0.2, 0.7, 0.3, 0.5][i]!)]
  const { folder, manifest } = await bundleOf(60, { staticData, policy: undefined, selector: 'static' })
  expect(manifest.selector).toEqual({ kind: 'baseline', name: 'static', because: 'asked', note: null })
  expect(selectorNames(manifest)).toContain('static')
  const selector = await openSelector(folder)
  const asked = { question: question!.question, image: question!.image }
  const all = await selector.select(asked, { shots: 3 })
  const less = await selector.select(asked, { shots: 2, exclude: [ids[1]!] })
  const inPool = await selector.select(asked, { shots: 2, selector: 'reversed:static' })
  await selector.close()
  const idsOf = ({ demonstrations }: typeof all): number[] => demonstrations.map(({ id }) => id)
  expect(idsOf(all)).toEqual([ids[5], ids[3], ids[1]])
  expect(idsOf(less)).toEqual([ids[5], ids[3]])
  expect(idsOf(inPool)).toEqual([ids[1], ids[3]])
  expect(selectionText(all, { manifest, size: 60 })).toMatch(/static share\n(.*100 %\n?){3}$/)
})

test('a bundle that does not know what examples gain refuses static, and says what to give', async () => {
  const { folder, manifest } = await bundleOf(20)
  expect(selectorNames(manifest)).not.toContain('static')
  const selector = await openSelector(folder)
  const asked = { question: 'what color is it?', image: (await openSplit('test', 1)).examples[0]!.image }
  await expect(selector.select(asked, { selector: 'static' })).rejects.toThrow('--static-data')
  await selector.close()
  await expect(bundleOf(20, { selector: 'static' })).rejects.toThrow('--static-data')
  const staticData = [await measured([7_000_001], () => 1)]
  await expect(bundleOf(20, { staticData })).rejects.toThrow('measured no example of the dataset')
})

test('the static share is what the numbers of members do to a choice, and none where there are none', async () => {
  const train = await openSplit('train', 60)
  const embeddings = await embed(train)
  const ids = train.examples.map(({ id }) => id)
  const settings = { dim: embeddings.dim, hidden: 32 }
  const made = async (bias: (i: number) => number): Promise<string> => {
    const path = join(await scratch(), 'members.safetensors')
    const members = { ids, counts: ids.map(() => 24) }
    const model = createModel({ architecture: 'mlp-cross-attention', settings, members, seed: 1 })
    model.parameters.get('member.bias')!.values.forEach((_, i, all) => (all[i] = i === 0 ? 0 : bias(i)))
    expect(memberLogits(model)!(ids[4]!)).toBeCloseTo((bias(5) * 24) / 36, 5)
    expect(memberLogits(model)!(-1)).toBe(0)
    await writeCheckpoint(path, { model, info: { phase: 'rce', pool: { method: 'random', size: 60 } } })
    return path
  }
  const [question] = (await openSplit('test', 1)).examples
  const sharesOf = async (policy?: string): Promise<(number | null)[]> => {
    const { folder } = await bundleOf(60, { ...(policy && { policy }), embeddings })
    const selector = await openSelector(folder)
    const { question: text, image } = question!
    const { demonstrations } = await selector.select({ question: text, image }, { shots: 2 })
    await selector.close()
    return demonstrations.map(({ staticShare }) => staticShare)
  }
  expect(await sharesOf(await made((i) => (i === 9 ? 90 : i === 18 ? 60 : 0)))).toEqual([
    expect.closeTo(1, 1),
    expect.closeTo(1, 1),
  ])
  expect(await sharesOf(await made(() => 3))).toEqual([expect.closeTo(0, 5), expect.closeTo(0, 5)])
  expect(await sharesOf()).toEqual([null, null])
})
