/** Where in a text the first of some stop texts begins; undefined where none of them is. */
export function stopAt(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
  return found.length === 0 ? undefined : Math.min(...found)
}

/** A text up to its first stop text; all of it where there is none. */
export function cutAtStop(text: string, stops: readonly string[]): string {
  return text.slice(0, stopAt(text, stops))
}
