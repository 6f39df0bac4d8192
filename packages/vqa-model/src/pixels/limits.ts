import { InputError } from '@lever/durable-files'

/** What one image may cost. */
export interface ImageLimits {
  /** most bytes of a file */
  bytes: number
  /** most pixels, width x height, read from the header before anything is decoded */
  pixels: number
  /** most seconds of decoding */
  seconds: number
}

/** `pixels` is where Pillow warns of a decompression bomb: a quarter of a GiB at three bytes a pixel. */
const DEFAULTS: ImageLimits = { bytes: 128 * 2 ** 20, pixels: 89_478_485, seconds: 60 }

const VARIABLE = 'LEVER_IMAGE_LIMITS'

/**
 * The limits, with those that `LEVER_IMAGE_LIMITS` names in place of the usual ones, as `pixels=300000000,seconds=120`.
 *
 * @throws InputError if the variable is not of that form
 */
export function imageLimits(text: string = process.env[VARIABLE] ?? ''): ImageLimits {
  const limits = { ...DEFAULTS }
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue
    const [name, value] = part.split('=') as [string, string | undefined]
    const number = Number(value)
    if (!Object.hasOwn(DEFAULTS, name) || !Number.isFinite(number) || number < 1) {
      throw new InputError(
        `vqa-model: ${VARIABLE} holds "${part}"; give bytes, pixels and seconds as in ` +
          `${VARIABLE}=bytes=${DEFAULTS.bytes},pixels=${DEFAULTS.pixels},seconds=${DEFAULTS.seconds}`,
      )
    }
    limits[name as keyof ImageLimits] = Math.floor(number)
  }
  return limits
}

/** @throws Error if an image of this size is above the limit */
export function checkPixels(
  { width, height }: { width: number; height: number },
  { pixels }: ImageLimits,
): void {
  if (width * height <= pixels) return
  throw new Error(
    `it has ${width} x ${height} pixels, and at most ${pixels} are read; make it smaller, or set ${VARIABLE}=pixels=${width * height}`,
  )
}

/** @throws Error if a file has more bytes than the limit */
export function checkBytes(size: number, { bytes }: ImageLimits): void {
  if (size <= bytes) return
  throw new Error(
    `it has ${size} bytes, and at most ${bytes} are read; make it smaller, or set ${VARIABLE}=bytes=${size}`,
  )
}
