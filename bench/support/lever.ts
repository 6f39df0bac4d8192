import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const LEVER = fileURLToPath(new URL('../../apps/cli/bin/lever.js', import.meta.url))

/** Runs the command; gives what it prints with --json. */
export async function lever(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('node', [LEVER, ...args, '--quiet', '--json'], {
    maxBuffer: 1e9,
  })
  return stdout
}
