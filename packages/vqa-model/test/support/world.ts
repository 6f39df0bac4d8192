import { mkdtempSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PromptWithImages } from '../../src/index.ts'
import { writeImages } from './images.ts'

process.env['LEVER_CACHE'] ??= mkdtempSync(join(tmpdir(), 'vqa-model-cache-'))

export const bundled = new URL('../../../../fixtures/shapes-vqa/', import.meta.url).pathname
export const bundledModel = `${bundled}model`

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'vqa-model-'))

/** Whole numbers below n, the same every time. */
export function counter(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >>> 8) % n
  }
}

const WORDS = 'what color shape is this it the team of name food does eat a red blue green'.split(' ')

/** Demonstrations and queries with random words and noise images of the given sizes. */
export async function makeWorld({
  demonstrations = 12,
  queries = 6,
  sizes = [[56, 56]] as readonly (readonly [number, number])[],
} = {}): Promise<{
  demonstrations: PromptWithImages['demonstrations'][number][]
  queries: PromptWithImages['query'][]
  images: string[]
}> {
  const images = await writeImages(await temporaryFolder(), demonstrations + queries, sizes)
  const next = counter(3)
  const text = (count: number): string =>
    Array.from({ length: count }, () => WORDS[next(WORDS.length)]!).join(' ')
  return {
    images,
    demonstrations: Array.from({ length: demonstrations }, (_, id) => ({
      id,
      image: images[id]!,
      question: `${text(3 + next(3))} ?`,
      answer: text(1 + next(2)),
    })),
    queries: Array.from({ length: queries }, (_, i) => ({
      id: 100 + i,
      image: images[demonstrations + i]!,
      question: `${text(3 + next(3))} ?`,
    })),
  }
}

/** For every query, `each` prompts with a number of random distinct demonstrations from `shots`. */
export function makePrompts(
  world: {
    demonstrations: readonly PromptWithImages['demonstrations'][number][]
    queries: readonly PromptWithImages['query'][]
  },
  { each, shots, seed = 9 }: { each: number; shots: readonly number[]; seed?: number },
): PromptWithImages[] {
  const next = counter(seed)
  return world.queries.flatMap((query) =>
    Array.from({ length: each }, (_, i): PromptWithImages => {
      const chosen = new Set<PromptWithImages['demonstrations'][number]>()
      while (chosen.size < shots[i % shots.length]!) {
        chosen.add(world.demonstrations[next(world.demonstrations.length)]!)
      }
      return { demonstrations: [...chosen], query }
    }),
  )
}

/** The bundled world's examples of a split, as demonstrations (most frequent answer). */
export function bundledExamples(
  split: 'train' | 'validation' | 'test' | 'composition-library' | 'composition-test',
  count: number,
): PromptWithImages['demonstrations'][number][] {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(`${bundled}world/${split}/${name}.json`, 'utf8'))
  const { questions } = read('questions') as {
    questions: { question_id: number; image_id: number; question: string }[]
  }
  const { annotations } = read('annotations') as {
    annotations: { question_id: number; multiple_choice_answer: string }[]
  }
  const answers = new Map(annotations.map((row) => [row.question_id, row.multiple_choice_answer]))
  return questions.slice(0, count).map(({ question_id, image_id, question }) => ({
    id: question_id,
    image: `${bundled}world/images/${image_id}.png`,
    question,
    answer: answers.get(question_id)!,
  }))
}
