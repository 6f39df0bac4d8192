import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GraphWriter } from './onnx-writer.ts'
import { normals } from './random.ts'
import { tokenizerFiles } from './tokenizer-files.ts'

const SIZE = 8

/** Writes a random-weight model in the Hub's layout of CLIP: linear towers over 8 x 8 pixels and words. */
export async function writeTinyClip(folder: string, dim = 6): Promise<string> {
  const random = normals(5)
  const { files, vocab } = tokenizerFiles('words')
  const jsons: Record<string, unknown> = {
    ...files,
    'tokenizer_config.json': {
      ...(files['tokenizer_config.json'] as object),
      tokenizer_class: 'CLIPTokenizer',
      padding_side: 'right',
      model_max_length: 16,
    },
    'config.json': {
      model_type: 'clip',
      architectures: ['CLIPModel'],
      projection_dim: dim,
      text_config: { model_type: 'clip_text_model' },
      vision_config: { model_type: 'clip_vision_model' },
    },
    'preprocessor_config.json': {
      image_processor_type: 'CLIPImageProcessor',
      do_resize: true,
      size: { shortest_edge: SIZE },
      do_center_crop: true,
      crop_size: { height: SIZE, width: SIZE },
      do_rescale: true,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.25, 0.25, 0.25],
      do_convert_rgb: true,
    },
  }
  await mkdir(join(folder, 'onnx'), { recursive: true })
  for (const [name, content] of Object.entries(jsons))
    await writeFile(join(folder, name), JSON.stringify(content))

  const vision = new GraphWriter()
  const pixels = 3 * SIZE * SIZE
  const flat = vision.op('Reshape', ['pixel_values', vision.ints(-1, pixels)])
  vision.op('MatMul', [flat, vision.floats(random(pixels * dim, 0.1), [pixels, dim])], {}, 'image_embeds')
  const visionModel = vision.model(
    [{ name: 'pixel_values', type: 'f32', shape: ['batch_size', 3, SIZE, SIZE] }],
    [{ name: 'image_embeds', type: 'f32', shape: ['batch_size', dim] }],
  )
  await writeFile(join(folder, 'onnx/vision_model.onnx'), visionModel)

  const text = new GraphWriter()
  const words = text.op('Gather', [text.floats(random(vocab * dim, 1), [vocab, dim]), 'input_ids'])
  const mask = text.op('Unsqueeze', [text.op('Cast', ['attention_mask'], { to: 1 }), text.ints(2)])
  text.op('ReduceSum', [text.op('Mul', [words, mask]), text.ints(1)], { keepdims: 0 }, 'text_embeds')
  const textModel = text.model(
    ['input_ids', 'attention_mask'].map((name) => ({
      name,
      type: 'i64' as const,
      shape: ['batch_size', 'sequence_length'],
    })),
    [{ name: 'text_embeds', type: 'f32', shape: ['batch_size', dim] }],
  )
  await writeFile(join(folder, 'onnx/text_model.onnx'), textModel)
  return folder
}
