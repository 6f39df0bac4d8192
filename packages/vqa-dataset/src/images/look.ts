/** An image in 9 x 8 pixels, [8, 9, 3], each a mean of its surroundings. Undefined where it cannot be read. */
export type LookAt = (path: string) => Promise<Uint8Array | undefined>

/** How an image looks from far away. */
export interface Look {
  /** The difference hash: bit 8 y + x says whether pixel (x, y) is clearly darker than the one to its right. */
  readonly hash: bigint
  /** [8, 9, 3] */
  readonly pixels: Uint8Array
}

const [WIDTH, HEIGHT] = [9, 8]
/** Bits in which the hashes of a picture and of its copy in another encoding may differ. */
const MOST_BITS = 6
/** Levels of 256 by which a pixel is clearly darker: on plain areas less is noise of the encoding. */
const CLEAR_LEVELS = 4
/** Levels of 256 by which the mean colours of a part may differ. */
const MOST_LEVELS = 12

/**
 * The difference hash of 64 bits (dHash, http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html)
 * of an image in 9 x 8 pixels, by their brightness (ITU-R 601), without the differences that are noise.
 */
export function lookOf(pixels: Uint8Array): Look {
  if (pixels.length !== WIDTH * HEIGHT * 3) {
    throw new RangeError(`vqa-dataset: a look is of ${WIDTH * HEIGHT * 3} bytes, got ${pixels.length}`)
  }
  let hash = 0n
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x + 1 < WIDTH; x++) {
      const at = 3 * (y * WIDTH + x)
      if (brightness(pixels, at + 3) - brightness(pixels, at) > 1000 * CLEAR_LEVELS)
        hash |= 1n << BigInt(8 * y + x)
    }
  }
  return { hash, pixels }
}

function brightness(pixels: Uint8Array, at: number): number {
  return 299 * pixels[at]! + 587 * pixels[at + 1]! + 114 * pixels[at + 2]!
}

/**
 * Whether two looks are those of one picture. The hash knows no colours, so those of every part must agree as well.
 */
export function areAlike(a: Look, b: Look): boolean {
  for (let i = 0; i < a.pixels.length; i++) {
    if (Math.abs(a.pixels[i]! - b.pixels[i]!) > MOST_LEVELS) return false
  }
  return bitsOf(a.hash ^ b.hash) <= MOST_BITS
}

/** The look of the mirrored picture, left and right exchanged. */
export function mirrored({ pixels }: Look): Look {
  const out = new Uint8Array(pixels.length)
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const from = 3 * (y * WIDTH + WIDTH - 1 - x)
      out.set(pixels.subarray(from, from + 3), 3 * (y * WIDTH + x))
    }
  }
  return lookOf(out)
}

function bitsOf(value: bigint): number {
  let [bits, rest] = [0, value]
  for (; rest !== 0n; rest &= rest - 1n) bits += 1
  return bits
}

/** As a cache keeps it. */
export function encodeLook(pixels: Uint8Array): string {
  return Buffer.from(pixels).toString('base64')
}

export function decodeLook(text: string): Look {
  return lookOf(new Uint8Array(Buffer.from(text, 'base64')))
}
