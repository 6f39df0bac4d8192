const WEB_PAGE = 'a web page, as of a failed download; download it again'

const MAGIC: readonly (readonly [readonly number[], string])[] = [
  [[0xff, 0xfe], 'UTF-16; save it as UTF-8'],
  [[0xfe, 0xff], 'UTF-16; save it as UTF-8'],
  [[0x1f, 0x8b], 'gzip; unpack it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd; unpack it first'],
  [[0x80, 0x02], 'a Python pickle, such as old PyTorch tensors'],
  [[0x93, 0x4e, 0x55, 0x4d], 'a NumPy array (.npy)'],
  [[0x89, 0x48, 0x44, 0x46], 'an HDF5 file'],
  [[0x50, 0x41, 0x52, 0x31], 'a parquet file'],
  [bytesOf('version '), 'the pointer of Git LFS to a file; fetch the file with git lfs pull'],
  [bytesOf('<!'), WEB_PAGE],
  [bytesOf('<html'), WEB_PAGE],
]

function bytesOf(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0))
}

const ZIP = [0x50, 0x4b, 0x03, 0x04]

/** How much of a file is enough to know what it is. */
export const HEAD_BYTES = 128

/** What a file is, by its first bytes, if it cannot be JSON; with what to do where that is clear. */
export function foreignFormat(head: Uint8Array): string | undefined {
  const startsWith = (magic: readonly number[]): boolean =>
    head.length >= magic.length && magic.every((byte, i) => head[i] === byte)
  if (startsWith(ZIP)) {
    return firstZipName(head).endsWith('.npy')
      ? 'NumPy arrays in a zip file (.npz)'
      : 'a zip file, such as PyTorch tensors or a checkpoint'
  }
  const found = MAGIC.find(([magic]) => startsWith(magic))
  if (found) return found[1]
  const bare = head.length >= 4 && (isUtf16(head, 0) || isUtf16(head, 1))
  return bare ? 'UTF-16; save it as UTF-8' : undefined
}

function firstZipName(head: Uint8Array): string {
  if (head.length < 30) return ''
  const length = head[26]! + 256 * head[27]!
  return Buffer.from(head.subarray(30, 30 + length)).toString('latin1')
}

/** Whether every second byte is 0, as in UTF-16 of ASCII, and the others are not. */
function isUtf16(head: Uint8Array, zeros: 0 | 1): boolean {
  return head.subarray(0, 4).every((byte, i) => (byte === 0) === (i % 2 === zeros))
}
