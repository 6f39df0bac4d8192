import { hash } from 'node:crypto'
import type { Example } from '../types.ts'

/**
 * Names a measurement: SHA-256, in hex, of the canonical JSON of protocol hash, query, ordered
 * pointer and images (their ids: the dataset's hash in `_meta` fixes what they show).
 */
export function measurementKey(
  protocolHash: string,
  query: Example,
  demonstrations: readonly Example[],
): string {
  const images = [...demonstrations, query].map(({ imageId }) => imageId)
  const pointer = demonstrations.map(({ id }) => id)
  return hash('sha256', JSON.stringify({ images, pointer, protocol: protocolHash, query: query.id }))
}
