/** Ten colours that differ in hue and lightness, with a contrast of at least 4.5 on their background. */
const LIGHT = [
  '#1f5fa8',
  '#b93c0c',
  '#0f7343',
  '#8436a3',
  '#775000',
  '#006b70',
  '#b3206f',
  '#555b66',
  '#586300',
  '#4247bd',
]
const DARK = [
  '#7db4f0',
  '#ff9a70',
  '#6bd49a',
  '#d69af0',
  '#e0b45c',
  '#5fd0d4',
  '#ff8fc4',
  '#b5bcc8',
  '#c4d05a',
  '#a3a8ff',
]

const DASHES = ['', '7 3', '2 3', '9 3 2 3']

const variables = (colours: readonly string[]): string =>
  colours.map((colour, i) => `--s${i}:${colour}`).join(';')

/** Colours of the page and of the series, as custom properties. */
export const LIGHT_VARIABLES: string = `--bg:#ffffff;--fg:#1b1f24;--muted:#57606a;--line:#d0d7de;--soft:#f4f6f8;--accent:#0b57a4;--good:#0f6b3c;--bad:#a8281c;${variables(LIGHT)}`
export const DARK_VARIABLES: string = `--bg:#14171b;--fg:#e6eaee;--muted:#a3adb8;--line:#3a424b;--soft:#1e2329;--accent:#8cc0ff;--good:#7fdca4;--bad:#ffa198;${variables(DARK)}`

export const seriesColour = (index: number): string => `var(--s${index % LIGHT.length})`

/** The dash pattern changes with every round through the colours and within it, so that lines differ without colour. */
export const seriesDash = (index: number): string =>
  DASHES[(index + Math.floor(index / LIGHT.length)) % DASHES.length]!

/** A marker of its own for every fifth series, centred at x, y. */
export function marker(index: number, x: number, y: number): string {
  const fill = `fill="${seriesColour(index)}"`
  const at = (dx: number, dy: number): string => `${round(x + dx)},${round(y + dy)}`
  switch (index % 5) {
    case 0:
      return `<circle cx="${round(x)}" cy="${round(y)}" r="3.6" ${fill}/>`
    case 1:
      return `<rect x="${round(x - 3.3)}" y="${round(y - 3.3)}" width="6.6" height="6.6" ${fill}/>`
    case 2:
      return `<polygon points="${at(0, -4.4)} ${at(4.2, 3.2)} ${at(-4.2, 3.2)}" ${fill}/>`
    case 3:
      return `<polygon points="${at(0, -4.8)} ${at(4.8, 0)} ${at(0, 4.8)} ${at(-4.8, 0)}" ${fill}/>`
    default:
      return `<polygon points="${at(0, 4.4)} ${at(4.2, -3.2)} ${at(-4.2, -3.2)}" ${fill}/>`
  }
}

/** Pixels with one decimal: small files, the same on every platform. */
export const round = (value: number): string => String(Math.round(value * 10) / 10)
