import type { LocalModelOptions } from '../onnx/local-options.ts'
import type { DecoderAbilities } from '../onnx/probe-decoder.ts'
import type { Protocol } from '../protocol.ts'
import type { Needs } from '../types.ts'
import type { Requests } from './messages.ts'
import { startThread, type Thread } from './thread.ts'

/** Worker threads with a model each, lent to one piece of work at a time, in the order of asking. */
export interface Team {
  readonly name: string
  readonly protocol: Protocol
  readonly abilities: DecoderAbilities
  readonly needs: Needs
  readonly threads: readonly Thread[]
  run(work: (thread: Thread) => Promise<void>): Promise<void>
  close(): Promise<void>
}

type Opened = Requests['open']['reply']

/** @throws InputError if the model cannot be opened */
export async function openTeam(options: LocalModelOptions, size: number): Promise<Team> {
  const threads = Array.from({ length: size }, (_, i) => startThread({ options }, `worker ${i + 1}`))
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.end()))
  }
  const opened = await Promise.allSettled(threads.map((thread) => thread.ask('open', {})))
  const failed = opened.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await close()
    throw failed.reason as Error
  }
  const { name, protocol, abilities, needs } = (opened[0] as PromiseFulfilledResult<Opened>).value
  const free = [...threads]
  const waiting: ((thread: Thread) => void)[] = []

  return {
    name,
    protocol,
    abilities,
    needs,
    threads,
    async run(work) {
      const thread = free.shift() ?? (await new Promise<Thread>((resolve) => waiting.push(resolve)))
      try {
        await work(thread)
      } finally {
        const next = waiting.shift()
        if (next === undefined) free.push(thread)
        else next(thread)
      }
    },
    close,
  }
}
