/** Questions that come while others are worked on wait, and are then asked together. */
export function createBatcher<I, O>(
  ask: (inputs: readonly I[]) => Promise<readonly O[]>,
  most: number,
): (input: I) => Promise<O> {
  interface Waiting {
    readonly input: I
    readonly resolve: (output: O) => void
    readonly reject: (error: unknown) => void
  }
  const waiting: Waiting[] = []
  let isAsking = false

  async function work(): Promise<void> {
    isAsking = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, most)
      try {
        const outputs = await ask(batch.map(({ input }) => input))
        batch.forEach(({ resolve }, i) => resolve(outputs[i]!))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isAsking = false
  }

  return (input) =>
    new Promise((resolve, reject) => {
      waiting.push({ input, resolve, reject })
      if (!isAsking) void work()
    })
}
