import { flagOf } from './names.ts'
import type { Setting } from './schema.ts'

/** The default of a setting as help shows it; undefined where there is nothing to say. */
export function describeDefault(setting: Setting): string | undefined {
  const { default: value, unset } = setting
  if (unset !== undefined) return unset
  if (value === undefined || value === false) return undefined
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return text === '' ? undefined : text
}

/** The help line of a setting, with its choices and the flags that it needs. */
export function aboutOf(setting: Setting): string {
  const choices = setting.type === 'text' || setting.type === 'list' ? (setting.choices ?? []) : []
  const needs = Object.entries(setting.onlyWith ?? {}).map(
    ([other, wanted]) => `--${flagOf(other)}${wanted === true ? '' : ` ${wanted.join(' or ')}`}`,
  )
  const list = choices.length > 0 ? `: ${choices.join(', ')}` : ''
  return `${setting.about}${list}${needs.length > 0 ? ` (with ${needs.join(' and ')})` : ''}`
}
