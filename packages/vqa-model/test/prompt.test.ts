import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { showsImages } from '../src/prompt/needs.ts'
import { compileSkeleton, fillSegment, renderPrompt } from '../src/prompt/skeleton.ts'
import { createPrompter } from '../src/onnx/prompter.ts'
import { encodeBefore, loadTextCodec, type TextCodec } from '../src/onnx/tokenizer.ts'
import { getTemplate, templateNames } from '../src/templates/index.ts'
import { tokenizerFiles, type TokenizerKind } from './support/tokenizer-files.ts'

const imageToken = '<|image_pad|>'
const codecs = new Map<TokenizerKind, TextCodec>()

beforeAll(async () => {
  for (const kind of ['words', 'bytes'] as const) {
    const folder = await mkdtemp(join(tmpdir(), 'vqa-model-'))
    for (const [name, content] of Object.entries(tokenizerFiles(kind).files)) {
      await writeFile(join(folder, name), JSON.stringify(content))
    }
    await writeFile(join(folder, 'config.json'), '{"model_type":"qwen2_vl"}')
    codecs.set(kind, await loadTextCodec(folder))
  }
})

function skeleton(template: string, shots: number): string[] {
  const codec = codecs.get('words')!
  return compileSkeleton({
    template: getTemplate(template),
    system: getTemplate(template).system,
    shots,
    render: codec.render,
    imageToken,
    specialTokens: codec.specialTokens,
  }).segments.map((parts) =>
    parts.map((part) => (typeof part === 'string' ? part : `{${part.kind} ${part.unit}}`)).join(''),
  )
}

describe('skeleton', () => {
  test('shapes: cut at the last place that the next demonstration does not change', () => {
    expect(skeleton('shapes', 1)).toEqual([
      '<|im_start|>user\n<|vision_start|>',
      '{image 0}<|vision_end|>{question 0}<|im_end|>\n<|im_start|>assistant\n{answer 0}<|im_end|>\n<|im_start|>user\n<|vision_start|>',
      '{image 1}<|vision_end|>{question 1}<|im_end|>\n<|im_start|>assistant\n',
    ])
  })

  test('lever-plus', () => {
    expect(skeleton('lever-plus', 2)).toEqual([
      '<|im_start|>user\n<|vision_start|>',
      '{image 0}<|vision_end|>Question:{question 0} Short answer:{answer 0}<|vision_start|>',
      '{image 1}<|vision_end|>Question:{question 1} Short answer:{answer 1}<|vision_start|>',
      '{image 2}<|vision_end|>Question:{question 2} Short answer:<|im_end|>\n<|im_start|>assistant\n',
    ])
  })

  test('units without a special token between them stay together', () => {
    const { segments } = compileSkeleton({
      template: getTemplate('lever-plus'),
      system: null,
      shots: 1,
      render: ([user]) => user!.content.map((part) => (part.type === 'image' ? '<i>' : part.text)).join(''),
      imageToken: '<i>',
      specialTokens: [],
    })
    expect(segments).toHaveLength(1)
  })

  test('a chat template that moves images to the front is refused', () => {
    const options = {
      template: getTemplate('lever-plus'),
      system: null,
      shots: 1,
      imageToken: '<i>',
      specialTokens: [],
    }
    const text = '<i><i>'
    expect(() => compileSkeleton({ ...options, render: () => text })).toThrow(
      'does not take images and texts in order',
    )
  })
})

/** Texts that a data set may hold: words, punctuation, other scripts, no special tokens. */
const plain = fc.oneof(
  fc.constantFrom(
    'what color is it ?',
    'zap soda',
    "don't",
    ' x ',
    'a\nb',
    'ünïcode 日本',
    '  two  spaces ',
    '7.5%',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !/[<\uE000\uE001]/.test(text)),
)

describe.each(['words', 'bytes'] as const)('tokenizer of %s', (kind) => {
  test.each(templateNames)('%s: segments give the tokens of the whole prompt', (name) => {
    const codec = codecs.get(kind)!
    const template = getTemplate(name)
    const prompter = createPrompter({ codec, template, system: template.system, imageToken })
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, plain, plain), { maxLength: 4 }), plain, (shown, asked) => {
        const demonstrations = shown.map(([question, answer, context], id) => ({
          id,
          image: `${id}.png`,
          context,
          question,
          answer,
        }))
        const query = { id: 9, image: 'q.png', context: 'a wall', question: asked }
        const { segments } = prompter.segments({ demonstrations, query })
        expect(segments.length).toBeGreaterThan(shown.length)
        const apart = segments.flatMap(({ pieces, next = '' }) =>
          pieces.flatMap((piece, i) => {
            if (typeof piece !== 'string') return [...codec.encode(imageToken)]
            return [...encodeBefore(codec, piece, i === pieces.length - 1 ? next : '')]
          }),
        )
        const text = renderPrompt(
          template,
          {
            questions: [...shown.map(([question]) => question), asked],
            answers: shown.map(([, answer]) => answer),
            contexts: [...shown.map(([, , context]) => context), 'a wall'],
          },
          { system: template.system, render: codec.render },
        )
        const whole = codec.encode(text)
        expect(apart).toEqual([...whole])
        const images = segments.flatMap(({ pieces }) => pieces.filter((piece) => typeof piece !== 'string'))
        const wanted = [...shown.map((_, i) => `${i}.png`), 'q.png']
        expect(images.map(({ image }) => image)).toEqual(showsImages(template) ? wanted : [])
      }),
      { numRuns: 60 },
    )
  })
})

test('answers are tokenised as they would be written', () => {
  const codec = codecs.get('bytes')!
  const template = getTemplate('shapes')
  const prompter = createPrompter({ codec, template, system: null, imageToken })
  expect(codec.decode([...prompter.encodeAnswer(' zap soda ')])).toBe('zap soda')
  expect(prompter.encodeAnswer('')).toHaveLength(0)
})

test('a text with a special token is refused with its example', () => {
  const template = getTemplate('shapes')
  const prompter = createPrompter({ codec: codecs.get('words')!, template, system: null, imageToken })
  const query = { id: 7, image: 'q.png', question: 'what <|image_pad|> ?' }
  expect(() => prompter.segments({ demonstrations: [], query })).toThrow(
    "question of example 7 holds the model's special token <|image_pad|>",
  )
})

test('fillSegment strips texts and joins what is between images', () => {
  const parts = ['a', { kind: 'image' as const, unit: 0 }, 'b', { kind: 'question' as const, unit: 0 }, 'c']
  expect(fillSegment(parts, { context: () => '', question: () => ' q ', answer: () => '' })).toEqual([
    'a',
    { image: 0 },
    'bqc',
  ])
})
