import { beforeAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openVqaModel, type OnnxOptions, type Answer, type PromptWithImages } from '../src/index.ts'
import { GraphWriter } from './support/onnx-writer.ts'
import { normals } from './support/random.ts'
import { writeTinyModel, type TinyModelOptions } from './support/tiny-model.ts'
import { tokenizerFiles } from './support/tokenizer-files.ts'
import { makePrompts, makeWorld, temporaryFolder } from './support/world.ts'

/** A tiny model whose embedding of one word is not a number, as an overflow in half precision leaves it. */
async function writeBrokenModel(word: string, kind: TinyModelOptions): Promise<string> {
  const folder = await writeTinyModel(await temporaryFolder(), kind)
  const { vocab, ids } = tokenizerFiles('words')
  const rows = normals(5)(vocab * 32, 1)
  rows.fill(NaN, 32 * ids.get(word)!, 32 * (ids.get(word)! + 1))
  const table = new GraphWriter()
  table.op('Gather', [table.floats(rows, [vocab, 32]), 'input_ids'], {}, 'inputs_embeds')
  const shape = ['batch_size', 'sequence_length']
  const embed = table.model(
    [{ name: 'input_ids', type: 'i64', shape }],
    [{ name: 'inputs_embeds', type: 'f32', shape: [...shape, 32] }],
  )
  await writeFile(join(folder, 'onnx/embed_tokens.onnx'), embed)
  return folder
}

describe.each<TinyModelOptions>([{ attention: 'matmul' }, { attention: 'gqa' }])('%j', (kind) => {
  let folder: string
  let good: PromptWithImages[]
  let bad: PromptWithImages[]
  beforeAll(async () => {
    folder = await writeBrokenModel('zap', kind)
    good = makePrompts(await makeWorld({ demonstrations: 4, queries: 3 }), { each: 3, shots: [2] })
    bad = [
      { ...good[0]!, query: { ...good[0]!.query, question: 'is it zap ?' } },
      {
        ...good[4]!,
        demonstrations: [good[4]!.demonstrations[0]!, { ...good[4]!.demonstrations[1]!, answer: 'zap' }],
      },
    ]
  })

  async function answered(
    prompts: readonly PromptWithImages[],
    options: Partial<OnnxOptions>,
    scoresOnly = false,
  ): Promise<Answer[]> {
    const model = await openVqaModel({ backend: 'onnx', model: folder, template: 'shapes', ...options })
    const answers = await model.answer(prompts, { scoresOnly })
    await model.close()
    return answers
  }

  test.each<Partial<OnnxOptions>>([{}, { beams: 3 }, { sharing: false }])(
    'logits that are not numbers fail their outcomes, not the call: %j',
    async (options) => {
      for (const scored of [false, true]) {
        const score = (prompt: PromptWithImages): PromptWithImages =>
          scored ? { ...prompt, scoreAnswers: ['red', 'a blue'] } : prompt
        for (const only of scored ? [false, true] : [false]) {
          const mixed = await answered([bad[0]!, ...good, bad[1]!].map(score), options, only)
          for (const { error, text } of [mixed[0]!, mixed.at(-1)!]) {
            expect([text, error]).toEqual(['', expect.stringContaining('no finite logits')])
          }
          const alone = await answered(good.map(score), options, only)
          expect(mixed.slice(1, -1).map(({ raw, error }) => [raw, error])).toEqual(
            alone.map(({ raw }) => [raw, undefined]),
          )
        }
      }
    },
  )

  test('a given answer that cannot be scored fails its outcome', async () => {
    const [answer] = await answered([{ ...good[0]!, scoreAnswers: ['red', 'zap it is'] }], {})
    expect(answer!.error).toContain('no finite logits')
  })
})
