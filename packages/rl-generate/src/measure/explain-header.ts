interface MeasuredBy {
  readonly backend?: unknown
  readonly pixels?: { readonly resizer?: unknown }
}

/** Why a journal with another header is refused, where the settings of its run would not help. */
export function explainHeader(there: unknown, here: unknown): string | undefined {
  const [before, now] = [protocolOf(there), protocolOf(here)]
  if (before?.backend !== 'onnx' || before.pixels?.resizer !== undefined) return undefined
  if (now?.pixels?.resizer === undefined) return undefined
  return (
    'its answers are to images that an earlier version resized otherwise than the Python processors do, ' +
    'so they cannot be continued: measure again at another path'
  )
}

function protocolOf(header: unknown): MeasuredBy | undefined {
  return (header as { _meta?: { protocol?: MeasuredBy } } | undefined)?._meta?.protocol
}
