import { join } from 'node:path'
import type { PromptTemplate } from '@lever/vqa-model'
import type { ChosenSelector } from './bundle/manifest.ts'
import type { Chosen } from './engine/open.ts'
import type { ImageSource, ReadImage } from './images/source.ts'
import type { ShownImages } from './images/shown.ts'
import {
  aiSdkMessages,
  openAiMessages,
  plainText,
  type AiSdkMessage,
  type OpenAiMessage,
  type PromptImage,
} from './prompts/messages.ts'

/** A demonstration that was chosen, in prompt order. */
export interface SelectedExample {
  readonly id: number
  readonly question: string
  readonly answer: string
  readonly imageId: number | string | null
  /** Path of its image; null where the bundle has none. */
  readonly image: string | null
  /** Path of a small image; null where the bundle has none. */
  readonly thumbnail: string | null
  /**
   * Of the policy: the probability of this choice at its step. Of a baseline that ranks by similarity: that similarity.
   * Null for others.
   */
  readonly score: number | null
  /** Cosine of the question and the example, by the embeddings of the bundle. */
  readonly similarity: number
  /**
   * Of what lifts the choice above chance, the part that this example has for every question alike: log(N q) / log(N p),
   * p the policy's probability, q that of its learned numbers per example alone, N the choices left. 1 of `static`; null
   * where the policy has no such numbers, and for other selectors.
   */
  readonly staticShare: number | null
}

/** The prompt of a selection: its demonstrations and the question, by the bundle's template. */
export interface SelectionMessages {
  /** For chat completions; images as data URIs. */
  openai(): Promise<OpenAiMessage[]>
  /** For `generateText({ messages })` of the AI SDK. */
  aiSdk(): Promise<AiSdkMessage[]>
  /** One text, `[image]` where an image stands. */
  text(): string
}

/** What was chosen for a question, and by whom. */
export interface Selection {
  readonly question: string
  /** In prompt order: the last stands next to the question. */
  readonly demonstrations: readonly SelectedExample[]
  readonly selector: ChosenSelector
  readonly messages: SelectionMessages
}

interface SelectionParts {
  readonly folder: string
  readonly template: PromptTemplate
  readonly question: string
  /** The image as it was given, and its bytes. */
  readonly source: ImageSource | undefined
  readonly image: ReadImage | undefined
  readonly chosen: Chosen
  readonly selector: ChosenSelector
  readonly shown: ShownImages
}

/** A choice of the engine with what prompts are made of. */
export function selectionOf(parts: SelectionParts): Selection {
  const { folder, template, question, source, image, chosen, selector, shown } = parts
  const { demonstrations } = chosen
  const prompt = {
    template,
    questions: [...demonstrations.map((one) => one.question), question],
    answers: demonstrations.map(({ answer }) => answer),
  }
  const images = async (): Promise<PromptImage[]> => [
    ...(await Promise.all(
      demonstrations.map(async ({ image: full, thumbnail }) => {
        const path = full ?? thumbnail
        return path === null ? null : shown.ofBundle(path)
      }),
    )),
    await imageOfQuery(source, image, shown),
  ]
  const pathOf = (path: string | null): string | null => (path === null ? null : join(folder, path))
  return {
    question,
    selector,
    demonstrations: demonstrations.map((one) => ({
      ...{ id: one.id, question: one.question, answer: one.answer, imageId: one.imageId },
      ...{ image: pathOf(one.image), thumbnail: pathOf(one.thumbnail) },
      ...{ score: one.score, similarity: one.similarity, staticShare: one.staticShare },
    })),
    messages: {
      openai: async () => openAiMessages(prompt, await images()),
      aiSdk: async () => aiSdkMessages(prompt, await images()),
      text: () => plainText(prompt),
    },
  }
}

async function imageOfQuery(
  source: ImageSource | undefined,
  image: ReadImage | undefined,
  shown: ShownImages,
): Promise<PromptImage> {
  if (image === undefined) return null
  if (source instanceof URL || (typeof source === 'string' && /^https?:\/\//i.test(source))) {
    return new URL(source)
  }
  return shown.ofQuery(image.bytes)
}
