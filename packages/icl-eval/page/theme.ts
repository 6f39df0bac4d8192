/** The choice of light or dark colours. */
export function switchTheme(): void {
  const theme = document.querySelector<HTMLSelectElement>('.theme')
  theme?.addEventListener('change', () => {
    if (theme.value === '') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme.value
  })
}
