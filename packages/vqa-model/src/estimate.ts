import { readImageSize, type ImageSize } from './pixels/image-size.ts'
import { readModelFolder } from './onnx/folder.ts'
import { preprocessorConfig } from './onnx/grid-images.ts'
import type { PixelLimits } from './onnx/images.ts'
import { createPrompter } from './onnx/prompter.ts'
import { loadTextCodec } from './onnx/tokenizer.ts'
import { countPlanTokens, planPrompts, type TextSegment } from './prompt/plan.ts'
import { defaultTemplate, getTemplate } from './templates/index.ts'
import type { PromptTemplate } from './templates/template.ts'
import type { VqaPrompt } from './types.ts'

/** What prompts will cost, counted without running a model. */
export interface PromptEstimate {
  prompts: number
  /** images in prompts, and different files among them */
  images: { uses: number; files: number }
  /**
   * Tokens before the answers: of every prompt whole, and of all different prefixes once, as the
   * `onnx` backend reads them when all prompts are one call. Absent where they cannot be counted.
   */
  tokens?: { whole: number; shared: number; longest: number }
}

export interface EstimateOptions {
  /** folder of an `onnx` model; without it tokens are not counted */
  model?: string | undefined
  template?: string | PromptTemplate | undefined
  pixels?: Partial<PixelLimits> | undefined
}

/**
 * Counts prompts, images and tokens. Only the tokenizer and the headers of the images are read.
 * Visual tokens are those of the Qwen2-VL family (PNG and JPEG):
 *
 *     tokens of an image = H' W' / (patch merge)^2, with H', W' the resized height and width
 *
 * @throws InputError when the model's folder or the template is wrong; Error for an image that cannot be read
 */
export async function estimatePrompts(
  prompts: readonly VqaPrompt[],
  { model, template: named, pixels }: EstimateOptions = {},
): Promise<PromptEstimate> {
  const paths = prompts.flatMap(({ demonstrations, query }) => [
    ...demonstrations.map(({ image }) => image),
    query.image,
  ])
  const files = new Set(paths)
  const counts = { prompts: prompts.length, images: { uses: paths.length, files: files.size } }
  if (model === undefined) return counts
  const folder = await readModelFolder(model)
  if (folder.family.images !== 'grid') return counts
  const visual = new Map<string, number>()
  const { config, limits } = preprocessorConfig(folder, pixels)
  for (const path of files) {
    const size = await readImageSize(path)
    if (size === undefined) return counts
    visual.set(path, gridTokens(size, config.patch_size * config.merge_size, limits))
  }
  const codec = await loadTextCodec(folder.path)
  const template = getTemplate(named ?? defaultTemplate(folder.name))
  const imageToken = codec.tokenText(folder.imageTokenId)
  const prompter = createPrompter({ codec, template, system: template.system, imageToken })
  const lengths = new Map<string, number>()
  const lengthOf = ({ key, pieces }: TextSegment): number => {
    const known = lengths.get(key)
    if (known !== undefined) return known
    const parts = pieces.map((piece) =>
      typeof piece === 'string' ? codec.encode(piece).length : visual.get(piece.image)!,
    )
    const length = parts.reduce((sum, part) => sum + part, 0)
    lengths.set(key, length)
    return length
  }
  const segmented = prompts.map((prompt) => prompter.segments(prompt))
  const tokens = { whole: 0, shared: countPlanTokens(planPrompts(segmented), lengthOf), longest: 0 }
  for (const { segments } of segmented) {
    const length = segments.reduce((sum, segment) => sum + lengthOf(segment), 0)
    tokens.whole += length
    tokens.longest = Math.max(tokens.longest, length)
  }
  return { ...counts, tokens }
}

/**
 * Visual tokens of an image that is resized to multiples of `side` (pixels under one token) with
 * an area inside the limits; `smart_resize` of Qwen2-VL.
 */
export function gridTokens({ width, height }: ImageSize, side: number, { min, max }: PixelLimits): number {
  const scale = Math.max(1, side / height, side / width)
  const [h, w] = [height, width].map((edge) => (scale > 1 ? Math.round(edge * scale) : edge)) as [
    number,
    number,
  ]
  let [rows, columns] = [Math.round(h / side), Math.round(w / side)]
  const area = rows * columns * side ** 2
  if (area > max) {
    const shrink = Math.sqrt((h * w) / max)
    rows = Math.max(1, Math.floor(h / shrink / side))
    columns = Math.max(1, Math.floor(w / shrink / side))
  } else if (area < min) {
    const grow = Math.sqrt(min / (h * w))
    rows = Math.ceil((h * grow) / side)
    columns = Math.ceil((w * grow) / side)
  }
  return rows * columns
}
