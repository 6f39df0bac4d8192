import type { LocalModel } from '../onnx/local-model.ts'
import type { LocalModelOptions } from '../onnx/local-options.ts'
import { addStats, emptyStats } from '../stats.ts'
import type { Answer, Prompt } from '../types.ts'
import { isSet, shareImages } from './share-images.ts'
import { splitCall } from './split.ts'
import { openTeam } from './team.ts'
import { StoppedError } from './thread.ts'

/** What the pool does for a model; the same as a model in this thread, without blocking it. */
export interface WorkerPool extends Pick<LocalModel, 'name' | 'protocol' | 'abilities' | 'needs' | 'close'> {
  stats(): LocalModel['stats']
  answer(prompts: readonly Prompt[], options: PoolAnswerOptions): Promise<Answer[]>
}

interface PoolAnswerOptions {
  signal: AbortSignal | undefined
  onProgress: (done: number) => void
  scoresOnly: boolean
}

/**
 * Opens the model in every worker. Images are encoded once, by any of them, and kept here for the
 * others; a single worker keeps them itself. Prompts are split so that prefixes stay together. Calls
 * at the same time share the workers. Answers do not depend on the number of workers.
 */
export async function openPool(options: LocalModelOptions, workers: number): Promise<WorkerPool> {
  const team = await openTeam(options, workers)
  const images =
    workers === 1 || !team.needs.image ? undefined : shareImages(team, workers, options.imageBytes)

  async function answer(
    prompts: readonly Prompt[],
    { signal, onProgress, scoresOnly }: PoolAnswerOptions,
  ): Promise<Answer[]> {
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const halt = (): void => void Atomics.store(stop, 0, 1)
    signal?.addEventListener('abort', halt, { once: true })
    try {
      await images?.encode(new Set(prompts.flatMap(imagesOf)), stop)
      signal?.throwIfAborted()
      const answers = new Array<Answer>(prompts.length)
      const counts = new Map<number[], number>()
      const parts = splitCall(prompts, { workers, scoresOnly }).map((indices) =>
        team.run(async (thread) => {
          if (isSet(stop)) throw new StoppedError('stopped')
          const part = indices.map((i) => prompts[i]!)
          const unseen = (await images?.unsent(thread, new Set(part.flatMap(imagesOf)))) ?? []
          const request = { prompts: part, images: unseen, stop, scoresOnly }
          const found = await thread.ask('answer', request, (done) => {
            counts.set(indices, done)
            onProgress([...counts.values()].reduce((sum, value) => sum + value, 0))
          })
          found.forEach((value, i) => (answers[indices[i]!] = value))
        }),
      )
      for (const part of parts) part.catch(halt)
      const ends = await Promise.allSettled(parts)
      const errors = ends.filter((end) => end.status === 'rejected').map((end): unknown => end.reason)
      signal?.throwIfAborted()
      const cause = errors.find((error) => !(error instanceof StoppedError)) ?? errors[0]
      if (cause !== undefined) throw cause as Error
      return answers
    } finally {
      signal?.removeEventListener('abort', halt)
    }
  }

  return {
    name: team.name,
    protocol: team.protocol,
    abilities: team.abilities,
    needs: team.needs,
    stats: () => team.threads.map((thread) => thread.stats).reduce(addStats, emptyStats()),
    answer,
    close: () => team.close(),
  }
}

function imagesOf({ demonstrations, query }: Prompt): string[] {
  return [...demonstrations, query].flatMap(({ image }) => image ?? [])
}
