import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashOf, writeFileAtomic } from '@lever/durable-files'
import type { DecoderAbilities } from './probe-decoder.ts'

/**
 * What a decoder can do: from the folder where it was found out before, else by trying it and writing that down.
 * An entry that cannot be read is found out again; a folder that cannot be written changes nothing.
 *
 * @param key everything that the result depends on
 */
export async function rememberAbilities(
  key: Readonly<Record<string, unknown>>,
  probe: () => Promise<DecoderAbilities>,
  folder: string,
): Promise<DecoderAbilities> {
  const path = join(folder, `${hashOf({ ...key, version: 1 })}.json`)
  const known = await readFile(path, 'utf8').then(parseAbilities, () => undefined)
  if (known !== undefined) return known
  const found = await probe()
  await mkdir(folder, { recursive: true })
    .then(() => writeFileAtomic(path, `${JSON.stringify(found)}\n`))
    .catch(() => undefined)
  return found
}

function parseAbilities(text: string): DecoderAbilities | undefined {
  try {
    const { chunkOnPast, batchOnPast, noise } = Object(JSON.parse(text)) as Record<string, unknown>
    const whole =
      typeof chunkOnPast === 'boolean' && typeof batchOnPast === 'boolean' && typeof noise === 'number'
    return whole && noise >= 0 ? { chunkOnPast, batchOnPast, noise } : undefined
  } catch {
    return undefined
  }
}
