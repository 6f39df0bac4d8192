import { all } from './dom.ts'

/** Everything is open on paper. */
export function openForPrint(): void {
  let closed: HTMLDetailsElement[] = []
  addEventListener('beforeprint', () => {
    closed = all<HTMLDetailsElement>('details:not([open])')
    for (const part of closed) part.open = true
  })
  addEventListener('afterprint', () => {
    for (const part of closed) part.open = false
  })
}
