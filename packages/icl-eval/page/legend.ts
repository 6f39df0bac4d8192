import { all, one } from './dom.ts'

/** The switches of a plot: each shows or hides a line, and brings it out under the pointer. */
export function linkLegend(): void {
  for (const label of all('.legend label')) {
    const input = one('[data-toggle]', label, HTMLInputElement)
    const figure = label.closest('figure')
    if (figure === null) continue
    const chart = one('.chart', figure, SVGElement)
    const series = all<SVGElement>('.series', chart)
    const isOwn = (group: SVGElement): boolean => group.dataset['series'] === input.dataset['toggle']
    const light = (on: boolean): void => {
      chart.classList.toggle('dim', on)
      for (const group of series) group.classList.toggle('lit', on && isOwn(group))
    }
    for (const event of ['mouseenter', 'focusin']) label.addEventListener(event, () => light(true))
    for (const event of ['mouseleave', 'focusout']) label.addEventListener(event, () => light(false))
    input.addEventListener('change', () => {
      for (const group of series) if (isOwn(group)) group.style.display = input.checked ? '' : 'none'
    })
  }
}
