import { readFile } from 'node:fs/promises'
import { InputError } from '@lever/durable-files'

/** The environment variable that holds the URL of a queue. */
export const QUEUE_VARIABLE = 'LEVER_QUEUE'

/**
 * The URL of a queue. A URL on the command line can be read by every user of the machine (`ps`), so one with a
 * password is taken from the environment or from a file.
 *
 * @param given a URL; the path of a file that holds one; `env`, or nothing, for `LEVER_QUEUE`
 * @throws InputError if there is none
 */
export async function readQueueUrl(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (given !== undefined && given !== 'env') return /^[a-z]+:\/\//i.test(given) ? given : readUrlFile(given)
  const url = env[QUEUE_VARIABLE]?.trim()
  if (url !== undefined && url !== '') return url
  throw new InputError(
    `rl-generate: there is no queue; set ${QUEUE_VARIABLE}, or give --queue a file with its URL, or the URL (redis://host:port or postgres://host/database)`,
  )
}

async function readUrlFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new InputError(
      `rl-generate: --queue ${path} is neither a URL (redis://host:port or postgres://host/database) nor a file that holds one (${(cause as Error).message})`,
      { cause },
    )
  })
  const url = text.trim()
  if (/^[a-z]+:\/\/\S+$/i.test(url)) return url
  throw new InputError(
    `rl-generate: ${path} does not hold a URL of a queue, and nothing else; see docs/cluster.md`,
  )
}

/** A warning for a URL with a password that is an argument of this process. */
export function exposedPassword(url: string, args: readonly string[]): string | undefined {
  if (!URL.canParse(url) || new URL(url).password === '' || !args.some((arg) => arg.includes(url)))
    return undefined
  return `the password of the queue can be seen in the list of processes; put the URL into ${QUEUE_VARIABLE} and leave --queue out (lever generate: --queue env), or into a file and give its path`
}
