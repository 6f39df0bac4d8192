import type { Setting } from './schema.ts'

/** The default of a setting as help shows it; undefined where there is nothing to say. */
export function describeDefault(setting: Setting): string | undefined {
  const { default: value, unset } = setting
  if (unset !== undefined) return unset
  if (value === undefined || value === false) return undefined
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return text === '' ? undefined : text
}
