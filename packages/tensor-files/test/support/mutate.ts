/** A generator of whole numbers below n, from a seed (mulberry32). */
export function createDice(seed: number): (n: number) => number {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

const NUMBERS = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 53n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
]

/** One to four random changes of a file: bits, bytes, numbers, digits, cuts, repeats, moves. */
export function mutate(original: Uint8Array, dice: (n: number) => number): Buffer {
  let data: Buffer = Buffer.from(original)
  for (let left = 1 + dice(4); left > 0; left--) {
    if (data.length === 0) return data
    const at = dice(data.length)
    const length = 1 + dice(Math.min(64, data.length - at))
    const part = data.subarray(at, at + length)
    switch (dice(8)) {
      case 0:
        data[at]! ^= 1 << dice(8)
        break
      case 1:
        data[at] = dice(256)
        break
      case 2:
        for (
          let i = 0, n = NUMBERS[dice(NUMBERS.length)]!;
          i < [1, 2, 4, 8][dice(4)]! && at + i < data.length;
          i++
        ) {
          data[at + i] = Number((n >> BigInt(8 * i)) & 0xffn)
        }
        break
      case 3:
        data = data.subarray(0, at)
        break
      case 4:
        data = Buffer.concat([data.subarray(0, at), data.subarray(at + length)])
        break
      case 5:
        data = Buffer.concat([data.subarray(0, at), part, data.subarray(at)])
        break
      case 6: {
        const to = dice(data.length - length + 1)
        Buffer.from(part).copy(data, to)
        break
      }
      default:
        data = changeDigits(data, at, dice)
    }
  }
  return data
}

/** Replaces the next run of decimal digits, so that text headers change in meaning. */
function changeDigits(data: Buffer, from: number, dice: (n: number) => number): Buffer {
  let at = from
  while (at < data.length && !isDigit(data[at]!)) at++
  let end = at
  while (end < data.length && isDigit(data[end]!)) end++
  if (at === end) return data
  const number = String(NUMBERS[dice(NUMBERS.length)]!)
  return Buffer.concat([data.subarray(0, at), Buffer.from(number), data.subarray(end)])
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
