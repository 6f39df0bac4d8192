import type { Protocol } from '../protocol.ts'
import type { Answer, Needs, Prompt, VqaModelStats } from '../types.ts'
import { answerPrompts, type AnswerControl } from './answer-prompts.ts'
import type { EncodedImage } from './images.ts'
import type { LocalModelOptions } from './local-options.ts'
import { assembleParts } from './local-parts.ts'
import { readLocalProtocol } from './local-protocol.ts'
import { loadOrt, type Session } from './ort.ts'
import type { DecoderAbilities } from './probe-decoder.ts'
import { needsOf } from '../prompt/needs.ts'
import { openSessions, type Sessions } from './sessions.ts'
import { chooseThreads, decoderBytes } from './threads.ts'

/** A model opened in this thread. */
export interface LocalModel {
  readonly name: string
  readonly protocol: Protocol
  readonly stats: VqaModelStats
  readonly abilities: DecoderAbilities
  readonly needs: Needs
  answer(prompts: readonly Prompt[], control: AnswerControl): Promise<Answer[]>
  encodeImages(paths: readonly string[], check: () => void): Promise<(EncodedImage | undefined)[]>
  putImages(images: readonly [path: string, key: string, image: EncodedImage][]): void
  close(): Promise<void>
}

/** @throws InputError if the folder, a file in it or an option is wrong */
export async function openLocalModel(options: LocalModelOptions): Promise<LocalModel> {
  const read = await readLocalProtocol(options)
  const { folder, protocol } = read
  const ort = await loadOrt()
  const { device } = options
  const threads =
    options.threads > 0 ? options.threads : chooseThreads(await decoderBytes(folder), options.workers)
  const sessions = await openSessions(ort, folder, { device, threads })
  try {
    const parts = await assembleParts(options, read, { ort, sessions, threads })
    const { images, stats, abilities } = parts
    return {
      name: folder.name,
      protocol,
      stats,
      abilities,
      needs: needsOf(read.template),
      answer: (prompts, control) => answerPrompts(parts, prompts, control),
      encodeImages(paths, check) {
        images?.refresh()
        return images?.getAll(paths, check) ?? Promise.resolve(paths.map(() => undefined))
      },
      putImages(entries) {
        for (const [path, key, image] of entries) images?.put(path, key, image)
      },
      close: () => releaseAll(sessions),
    }
  } catch (error) {
    await releaseAll(sessions)
    throw error
  }
}

async function releaseAll(sessions: Sessions): Promise<void> {
  await Promise.all(Object.values(sessions).map((session: Session) => session.release()))
}
