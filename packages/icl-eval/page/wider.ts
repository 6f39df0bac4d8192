import { all } from './dom.ts'

/** A table that is wider than its box says so at the side where there is more. */
export function markWider(): void {
  for (const frame of all('.wider')) {
    const box = frame.querySelector<HTMLElement>('.scroll')
    if (box === null) continue
    const mark = (): void => {
      const more = box.scrollWidth - box.clientWidth - box.scrollLeft > 1
      frame.classList.toggle('more', more)
    }
    box.addEventListener('scroll', mark, { passive: true })
    new ResizeObserver(mark).observe(box)
  }
}
