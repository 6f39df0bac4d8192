import { Transform } from 'node:stream'
import type { LeverNote } from './reply.ts'

/** A first event above this is passed on as it is; the headers have what it would have said. */
const MOST_PARSED = 2 ** 20

/**
 * Adds the field `lever` to the first event of a stream of events that is a JSON object. Everything else passes to the
 * byte, and at once.
 */
export function noteStream(lever: LeverNote): Transform {
  let held: Buffer = Buffer.alloc(0)
  let isLooking = true
  return new Transform({
    transform(part: Buffer, _, done) {
      if (!isLooking) {
        done(null, part)
        return
      }
      held = Buffer.concat([held, part])
      for (let end = endOfEvent(held); isLooking && end > 0; end = endOfEvent(held)) {
        const event = held.subarray(0, end)
        held = held.subarray(end)
        this.push(withNote(event, lever) ?? event)
        isLooking = !hasData(event)
      }
      isLooking &&= held.length <= MOST_PARSED
      if (!isLooking && held.length > 0) this.push(held)
      done()
    },
    flush(done) {
      if (isLooking && held.length > 0) this.push(held)
      done()
    },
  })
}

/** Where the first event ends, its blank line included; 0 where it is not whole. */
function endOfEvent(bytes: Buffer): number {
  const ends = ['\n\n', '\r\n\r\n'].map((end) => [bytes.indexOf(end), end.length] as const)
  const found = ends.filter(([at]) => at >= 0).sort(([a], [b]) => a - b)[0]
  return found === undefined ? 0 : found[0] + found[1]
}

function hasData(event: Buffer): boolean {
  return /^data:/m.test(event.toString('utf8'))
}

/** The event with the field; undefined where it is none whose data are an object on one line. */
function withNote(event: Buffer, lever: LeverNote): string | undefined {
  const text = event.toString('utf8')
  const lines = text.match(/^data:.*$/gm) ?? []
  if (lines.length !== 1) return undefined
  const [line] = lines as [string]
  try {
    const data: unknown = JSON.parse(line.slice('data:'.length))
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined
    return text.replace(line, () => `data: ${JSON.stringify({ ...data, lever })}`)
  } catch {
    return undefined
  }
}
