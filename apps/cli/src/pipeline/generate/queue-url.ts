import type { Progress } from '@lever/terminal'

/** The URL that `--queue` or LEVER_QUEUE gives, with a warning for a password that everybody can see. */
export async function queueUrl(given: string | undefined, progress: Progress): Promise<string> {
  const { exposedPassword, readQueueUrl } = await import('@lever/rl-generate/queue')
  const url = await readQueueUrl(given, process.env)
  const warning = exposedPassword(url, process.argv)
  if (warning !== undefined) progress.warn(warning)
  return url
}
