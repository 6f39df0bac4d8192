import stringWidth from 'string-width'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { printableLine } from './printable.ts'
import { seconds } from './seconds.ts'

/** A part of a command that takes time. */
export interface Stage {
  /** `done` of the total; `note` is shown behind it. */
  update(done: number, note?: string): void
  /** Sets the total once it is known. */
  expect(total: number): void
  /** Ends the stage with a line that stays. */
  end(note?: string): void
}

/** How much a stage has to do. */
export interface StageOptions {
  /** How many there are, for the bar and the time left; unknown where it is left out. */
  readonly total?: number
  /** What is counted, e.g. `queries`. */
  readonly unit?: string
}

const STAGE_OPTIONS: OptionNames<StageOptions> = { total: true, unit: true }

/** Where commands say what they do. Nothing of it goes to stdout. */
export interface Progress {
  /** Begins a stage, whose progress is shown until it ends. */
  stage(name: string, options?: StageOptions): Stage
  /** Writes a line of information; `quiet` writes none. */
  info(message: string): void
  /** Writes a warning; `quiet` writes none. */
  warn(message: string): void
  /** Removes a live line, before something else is written to the terminal. */
  clear(): void
}

/** Where progress is written, and how. */
export interface ProgressOptions {
  /** Takes text for the terminal. */
  readonly write: (text: string) => void
  /** `live` rewrites one line, `plain` writes a line now and then, `quiet` nothing. */
  readonly mode: 'live' | 'plain' | 'quiet'
  /** Milliseconds; for tests. */
  readonly now?: () => number
  /** Width of the terminal, asked for at every line. Default 80. */
  readonly columns?: () => number
}

export const PROGRESS_OPTIONS: OptionNames<ProgressOptions> = {
  write: true,
  mode: true,
  now: true,
  columns: true,
}

const EVERY = { live: 100, plain: 5_000, quiet: Infinity } as const

/** Where a command says what it does: a live line, lines now and then, or nothing. */
export function createProgress(options: ProgressOptions): Progress {
  refuseUnknownOptions(options, PROGRESS_OPTIONS, 'terminal: createProgress')
  const { write, mode, now = () => performance.now(), columns = () => 80 } = options
  let line = ''
  const clear = (): void => {
    if (line !== '') write('\r\x1b[K')
    line = ''
  }
  const say = (message: string): void => {
    if (mode === 'quiet') return
    clear()
    write(`${printableLine(message)}\n`)
  }
  return {
    clear,
    info: say,
    warn: (message) => say(`warning: ${message}`),
    stage(name, how = {}) {
      refuseUnknownOptions(how, STAGE_OPTIONS, 'terminal: stage')
      const { total: given, unit = '' } = how
      let total = given
      const started = now()
      let shown = started - (mode === 'live' ? EVERY.live : 0)
      let last = { done: 0, note: '' }
      let first: { done: number; at: number } | undefined
      return {
        update(done, note = '') {
          last = { done, note }
          first ??= { done, at: now() }
          const finished = mode === 'plain' && done === total
          if (finished || now() - shown < EVERY[mode]) return
          shown = now()
          const rate = (done - first.done) / Math.max(1e-3, (shown - first.at) / 1000)
          const facts = factsOf({ done, total, unit, rate })
          if (mode === 'plain')
            write(`${printableLine(`${name}: ${[...facts, note].filter(Boolean).join(', ')}`)}\n`)
          else {
            const share = total ? done / total : undefined
            line = fitted({ name, facts, note: printableLine(note), share }, Math.max(20, columns() - 1))
            write(`\r\x1b[K${line}`)
          }
        },
        expect(count) {
          total = count
        },
        end(note = last.note) {
          const count = last.done > 0 ? `${last.done}${unit && ` ${unit}`}, ` : ''
          say(`${name}: ${count}${seconds((now() - started) / 1000)}${note && `, ${note}`}`)
        },
      }
    },
  }
}

/** Count, rate and time left. */
function factsOf({
  done,
  total,
  unit,
  rate,
}: {
  done: number
  total: number | undefined
  unit: string
  rate: number
}): string[] {
  const facts = [`${done}${total === undefined ? '' : `/${total}`}${unit && ` ${unit}`}`]
  if (rate > 0) {
    facts.push(`${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`)
    if (total !== undefined && total > done) facts.push(`${seconds((total - done) / rate)} left`)
  }
  return facts
}

interface Shown {
  readonly name: string
  readonly facts: readonly string[]
  readonly note: string
  /** Done of the total, 0..1. */
  readonly share: number | undefined
}

const BAR_COLUMNS = 20
const SHORTEST_BAR_COLUMNS = 6

/** A line of at most `width` columns: the facts whole, then of the note as many words as fit, and a bar in what is left. */
function fitted({ name, facts, note, share }: Shown, width: number): string {
  const text = facts.join(', ')
  const room = width - stringWidth(`${name}: ${text}`)
  const bar = share === undefined || room <= SHORTEST_BAR_COLUMNS ? 0 : Math.min(BAR_COLUMNS, room - 1)
  const notes = note && firstWords(note, room - (bar > 0 ? SHORTEST_BAR_COLUMNS + 1 : 0) - 2)
  const left = notes === '' ? room : room - stringWidth(notes) - 2
  const drawn = Math.min(bar, left - 1)
  const whole = `${name}: ${drawn > 0 ? `${drawBar(share!, drawn)} ` : ''}${text}${notes && `, ${notes}`}`
  return firstWords(whole, width)
}

/** Whole words, up to so many columns; `…` stands for the others. */
function firstWords(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  const words = text.split(' ')
  while (words.length > 0 && stringWidth(`${words.join(' ')} …`) > width) words.pop()
  return words.length === 0 ? '' : `${words.join(' ').replace(/[,;]$/, '')} …`
}

function drawBar(share: number, columns: number): string {
  const full = Math.round(columns * Math.min(1, Math.max(0, share)))
  return '━'.repeat(full) + '╌'.repeat(columns - full)
}
