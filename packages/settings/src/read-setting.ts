import { InputError } from '@lever/durable-files'
import type { Setting } from './schema.ts'

/**
 * The checked value of a setting, from a command line, from YAML or from a program.
 *
 * @param place where it was given, for the message: `--shots`, `options.yaml: shots`
 * @throws InputError if the value is of the wrong type, out of its limits, or not one of the choices
 */
export function readSetting(setting: Setting, value: unknown, place: string): unknown {
  switch (setting.type) {
    case 'flag':
      return readFlag(value, place)
    case 'text':
      return oneOf(readText(value, place), setting.choices, place)
    case 'number':
      return readNumber(value, setting, place)
    case 'list':
      return items(value, place, setting.commas).map((item) => oneOf(item, setting.choices, place))
    case 'numbers': {
      const numbers = items(value, place).map((item) => readNumber(item, setting, place))
      const { count } = setting
      if (count === undefined || numbers.length === count) return numbers
      throw new InputError(
        `${place} has ${numbers.length} ${numbers.length === 1 ? 'number' : 'numbers'}; give ${count}`,
      )
    }
  }
}

function readFlag(value: unknown, place: string): boolean {
  if (typeof value === 'boolean') return value
  if (value === 'true' || value === 'false') return value === 'true'
  throw wrong(place, value, 'true or false')
}

function readText(value: unknown, place: string): string {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number') return String(value)
  throw wrong(place, value, 'a value')
}

function readNumber(
  value: unknown,
  { min = -Infinity, max = Infinity, whole = false }: { min?: number; max?: number; whole?: boolean },
  place: string,
): number {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  const isNumber = typeof read === 'number' && (whole ? Number.isSafeInteger(read) : Number.isFinite(read))
  if (isNumber && read >= min && read <= max) return read
  const range = max < Infinity ? ` from ${min} to ${max}` : min > -Infinity ? ` from ${min}` : ''
  throw wrong(place, Number.isFinite(read) ? read : value, (whole ? 'a whole number' : 'a number') + range)
}

function items(value: unknown, place: string, commas = true): string[] {
  const given = Array.isArray(value) ? (value as unknown[]) : [value]
  const texts = given
    .map((item) => readText(item, place))
    .flatMap((item) => (commas ? item.split(',') : [item]))
    .map((item) => item.trim())
  if (texts.length > 0 && !texts.includes('')) return texts
  throw wrong(place, value, 'at least one value')
}

function oneOf(value: string, choices: readonly string[] | undefined, place: string): string {
  if (choices === undefined || choices.includes(value)) return value
  throw wrong(place, value, `one of ${choices.join(', ')}`)
}

function wrong(place: string, value: unknown, wanted: string): InputError {
  const isNothing = value === undefined || value === '' || value === true
  if (isNothing || (Array.isArray(value) && value.length === 0)) {
    return new InputError(`${place} has no value; give ${wanted}`)
  }
  if (Array.isArray(value)) return new InputError(`${place} is given ${value.length} times; give ${wanted}`)
  return new InputError(`${place} is ${JSON.stringify(value)}; give ${wanted}`)
}
