import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { processorConfig, readModelFolder, type ModelFolder } from './onnx/folder.ts'
import { createPrompter } from './onnx/prompter.ts'
import { encodeBefore, loadTextCodec } from './onnx/tokenizer.ts'
import { readGridRules, type GridRules } from './pixels/grid.ts'
import { readImageSize } from './pixels/image-size.ts'
import { checkPixelNames, type PixelOptions } from './pixels/processor-config.ts'
import type { ImageSize } from './pixels/rgb-image.ts'
import { smartResize } from './pixels/smart-resize.ts'
import { countPlanTokens, planPrompts, type TextSegment } from './prompt/plan.ts'
import { defaultTemplate, getTemplate, type TemplateName } from './templates/index.ts'
import type { PromptTemplate } from './templates/template.ts'
import { hasImages } from './missing-inputs.ts'
import { showsImages } from './prompt/needs.ts'
import type { Prompt } from './types.ts'

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

/** What prompts are counted under. */
export interface EstimateOptions {
  /** folder of an `onnx` model; without it tokens are not counted */
  model?: string | undefined
  /** name of a prompt template, or one of your own; the model's default when left out */
  template?: TemplateName | PromptTemplate | undefined
  /** limits of an image's area in pixels; the model's own when left out */
  pixels?: PixelOptions | undefined
}

export const ESTIMATE_OPTIONS: OptionNames<EstimateOptions> = { model: true, template: true, pixels: true }

/**
 * Counts prompts, images and tokens; of a prompt with an example that has no image file only the prompt. Only the tokenizer and the headers of the images are read.
 * Visual tokens are those of the Qwen2-VL family (PNG and JPEG):
 *
 *     tokens of an image = H' W' / (patch merge)^2, with H', W' the resized height and width
 *
 * @throws InputError if the model's folder or the template is wrong; Error for an image that cannot be read
 */
export async function estimatePrompts(
  asked: readonly Prompt[],
  options: EstimateOptions = {},
): Promise<PromptEstimate> {
  refuseUnknownOptions(options, ESTIMATE_OPTIONS, 'vqa-model: estimatePrompts')
  const { model, template: named, pixels } = options
  checkPixelNames(pixels)
  const folder = model === undefined ? undefined : await readModelFolder(model)
  const takesImages = folder?.family.images !== 'none'
  const template = getTemplate(named ?? defaultTemplate(folder?.name ?? '', takesImages))
  const showsImage = showsImages(template)
  const prompts = showsImage ? asked.filter(hasImages) : asked
  const paths = showsImage
    ? prompts.flatMap(({ demonstrations, query }) => [...demonstrations, query].map(({ image }) => image!))
    : []
  const counts = { prompts: asked.length, images: { uses: paths.length, files: new Set(paths).size } }
  const visual = folder && (await visualTokens(folder, new Set(paths), pixels))
  if (visual === undefined) return counts
  const codec = await loadTextCodec(folder!.path, !takesImages)
  const imageToken = takesImages ? codec.tokenText(folder!.imageTokenId) : ''
  const prompter = createPrompter({ codec, template, system: template.system, imageToken })
  const lengths = new Map<string, number>()
  const lengthOf = ({ key, pieces, next = '' }: TextSegment): number => {
    const known = lengths.get(key)
    if (known !== undefined) return known
    const parts = pieces.map((piece, i) => {
      if (typeof piece !== 'string') return visual.get(piece.image)!
      return encodeBefore(codec, piece, i === pieces.length - 1 ? next : '').length
    })
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

/** Visual tokens of images by path; undefined where they cannot be counted. */
async function visualTokens(
  folder: ModelFolder,
  files: ReadonlySet<string>,
  pixels: PixelOptions | undefined,
): Promise<Map<string, number> | undefined> {
  const visual = new Map<string, number>()
  if (files.size === 0) return visual
  if (folder.family.images !== 'grid') return undefined
  const rules = readGridRules(processorConfig(folder), pixels)
  for (const path of files) {
    const size = await readImageSize(path)
    if (size === undefined) return undefined
    visual.set(path, gridTokens(size, rules))
  }
  return visual
}

/** Visual tokens of an image; none where the model refuses it for its aspect. */
function gridTokens(size: ImageSize, { patch, merge, limits }: GridRules): number {
  const side = patch * merge
  try {
    const { width, height } = smartResize(size, side, limits)
    return (width / side) * (height / side)
  } catch {
    return 0
  }
}
