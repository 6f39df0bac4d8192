/** An image as models see it: upright, 8 bits a channel, no alpha. */
export interface RgbImage {
  /** [height, width, 3] */
  data: Uint8Array
  width: number
  height: number
}

export interface ImageSize {
  width: number
  height: number
}
