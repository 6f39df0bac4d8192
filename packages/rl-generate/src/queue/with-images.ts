import { access } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { InputError } from '@lever/durable-files'
import type { Answer } from '../measure/types.ts'
import type { QueuePrompt } from './job.ts'
import type { QueueWorkerOptions } from './station.ts'

type AnswerJobs = QueueWorkerOptions['answer']

/**
 * `answer` of a worker whose images lie in other folders than those of `lever generate`: a file of the same name in
 * `folders` counts first, then the path itself.
 *
 * @throws InputError for an image that is not on this machine; at the last try of a job only when every prompt
 * lacks one: else those prompts fail alone
 */
export function withImages(folders: readonly string[], answer: AnswerJobs): AnswerJobs {
  const found = new Map<string, string>()
  const place = async <E extends { id: number; image?: string }>(example: E): Promise<E> => {
    if (example.image === undefined) return example
    const image = found.get(example.image) ?? (await firstThere(example.image, folders))
    if (image === undefined) throw new InputError(missingText(example, folders))
    found.set(example.image, image)
    return { ...example, image }
  }
  const placePrompt = async (prompt: QueuePrompt): Promise<QueuePrompt> => ({
    ...prompt,
    demonstrations: await Promise.all(prompt.demonstrations.map(place)),
    query: await place(prompt.query),
  })
  return async (prompts, options) => {
    const placed = await Promise.allSettled(prompts.map(placePrompt))
    const there = placed.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failed = placed.find((one) => one.status === 'rejected')
    if (failed !== undefined && (!options.isLastTry || there.length === 0)) throw failed.reason
    const answers = (await answer(there, options)).values()
    return placed.map((one): Answer => {
      if (one.status === 'fulfilled') return answers.next().value!
      return { text: '', error: (one.reason as Error).message, kind: 'transient' }
    })
  }
}

async function firstThere(path: string, folders: readonly string[]): Promise<string | undefined> {
  for (const place of [...folders.map((folder) => join(folder, basename(path))), path]) {
    const isThere = await access(place).then(
      () => true,
      () => false,
    )
    if (isThere) return place
  }
  return undefined
}

function missingText({ image, id }: { image?: string; id: number }, folders: readonly string[]): string {
  const places = folders.length > 0 ? `, nor in ${folders.join(', ')}` : ''
  return `the image ${image!} of example ${id} is not on ${hostname()}${places}; give its folder to that worker with --images`
}
