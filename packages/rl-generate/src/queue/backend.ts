import { InputError } from '@lever/durable-files'
import type * as bullmqPackage from 'bullmq'

export type BullMq = typeof bullmqPackage

/** What a backend of the queue gives: how BullMQ's classes are made on it. */
export interface Backend {
  /** Options and further arguments of every class. */
  readonly connection: unknown
  readonly factory: unknown
  /** What is kept when the server is killed; undefined where it does not tell. */
  readonly durable: boolean | undefined
  close(): Promise<void>
}

/** How long the first connection may take, milliseconds. */
export const CONNECT_MS = 10_000

/** @throws InputError if an optional peer is not installed, saying how to install it */
export async function requirePackage<T>(name: string, load: () => Promise<unknown>): Promise<T> {
  try {
    return (await load()) as T
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error
    throw new InputError(
      `rl-generate: a queue needs the package ${name}, which is not installed; run: npm install bullmq ${name === 'bullmq' ? 'ioredis' : name}`,
      { cause: error },
    )
  }
}

/** Why a server could not be reached, in a word. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
