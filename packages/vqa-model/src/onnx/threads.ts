import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ModelFolder } from './folder.ts'

/** Below this size a decoder runs faster on one thread. */
const SMALL_DECODER = 32 * 2 ** 20

/**
 * Threads of one session: one for a small decoder; else a worker's share of the cores, or 0, ONNX Runtime's
 * choice, where nobody shares.
 *
 * @param bytes of the decoder, external data included
 * @param workers that run side by side
 */
export function chooseThreads(
  bytes: number,
  workers: number,
  cores: number = availableParallelism(),
): number {
  if (bytes < SMALL_DECODER) return 1
  return workers > 1 ? Math.max(1, Math.floor(cores / workers)) : 0
}

/** Size of the decoder's graph with the data files that it refers to. */
export async function decoderBytes({
  path,
  sessionFiles,
  decoder,
}: Pick<ModelFolder, 'path' | 'sessionFiles' | 'decoder'>): Promise<number> {
  const parts = sessionFiles[decoder]!
  const sizes = await Promise.all(parts.map(async (name) => (await stat(join(path, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
