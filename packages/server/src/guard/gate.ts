import { Refusal } from '../http/refusal.ts'

/** Counts the requests that are worked on. */
export interface Gate {
  readonly inside: number
  /** @throws Refusal (429) if it is full */
  enter(): void
  leave(): void
}

export function createGate(most: number): Gate {
  let inside = 0
  return {
    get inside() {
      return inside
    },
    enter() {
      if (inside >= most) {
        throw new Refusal(
          429,
          `the server works on ${most} requests already; ask again in a second (or --max-requests)`,
          { headers: { 'retry-after': '1' } },
        )
      }
      inside += 1
    },
    leave() {
      inside -= 1
    },
  }
}
