import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { PHASE_SETTINGS } from '@lever/grpo-trainer'
import type { Schema, Setting } from '@lever/settings'
import { namesOf, readSettings } from '@lever/settings'
import { GROUP_NAMES, optionsOf } from '../src/command.ts'
import { COMMANDS } from '../src/commands/index.ts'
import { commonOptions } from '../src/options/common.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const COMMAND_FOLDER = join(ROOT, 'apps/cli/src/commands')

/** A value that a setting accepts and that is not its default. */
function otherValue(setting: Setting): unknown {
  switch (setting.type) {
    case 'flag':
      return !(setting.default ?? false)
    case 'text':
      return setting.choices?.find((choice) => choice !== setting.default) ?? 'given'
    case 'number': {
      const { min = 0, max = Infinity, default: value = min } = setting
      return value + 1 > max ? min : value + 1
    }
    case 'list':
      return [setting.choices?.at(-1) ?? 'given']
    case 'numbers':
      return Array.from({ length: setting.count ?? 1 }, (_, i) => (setting.min ?? 0) + i)
  }
}

const required = (schema: Schema): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(schema).flatMap(([name, setting]) =>
      setting.required ? [[name, otherValue(setting)]] : [],
    ),
  )

/** Files of the command that a file imports, directly or not. */
function reachable(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+\.ts)'/g))
    reachable(join(dirname(file), path!), seen)
  return seen
}

const packages = readdirSync(join(ROOT, 'packages')).flatMap((name) =>
  readdirSync(join(ROOT, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(ROOT, 'packages', name, 'src', path)),
)

/** Code without comments, texts, types of members and declarations of settings: what reads a value. */
const reading = (files: Iterable<string>): string =>
  Array.from(files, (file) => readFileSync(file, 'utf8'))
    .join('\n')
    .replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/\b(?:readonly )?\w+\??: \{\s*(?:readonly )?type: ''/g, '')
    .replace(/\breadonly \w+\??:/g, '')

const isRead = (name: string, code: string): boolean => new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(code)

describe.each(Object.keys(COMMANDS))('lever %s', (name) => {
  const load = async (): Promise<Schema> => optionsOf(await COMMANDS[name]!.load())

  test('declares every option once, under a heading of help, with a line that names its subject', async () => {
    const groups = await (await COMMANDS[name]!.load()).groups()
    expect(
      Object.keys(groups).filter((group) => !(GROUP_NAMES as readonly string[]).includes(group)),
    ).toEqual([])
    const declared = Object.values(groups).flatMap((schema) => Object.entries(schema))
    const flags = declared.flatMap(([option, setting]) => [...namesOf({ [option]: setting }).keys()])
    expect(flags.filter((flag, i) => flags.indexOf(flag) < i)).toEqual([])
    const known = [
      'to',
      'value',
      'type',
      'about',
      'aliases',
      'required',
      'unset',
      'onlyWith',
      'notWith',
      'default',
    ]
    const limits = ['choices', 'min', 'max', 'whole', 'commas', 'count']
    for (const [option, setting] of declared) {
      const unknown = Object.keys(setting).filter((key) => ![...known, ...limits].includes(key))
      expect({ option, unknown }).toEqual({ option, unknown: [] })
      expect({ option, about: setting.about }).toEqual({
        option,
        about: expect.not.stringMatching(/^(its|and|as) |\.$/),
      })
      for (const other of Object.keys({ ...setting.onlyWith, ...setting.notWith }))
        expect(declared.map(([one]) => one)).toContain(other)
    }
  })

  // Settings of phases and rewards say themselves where their value goes (`to`); grpo-trainer applies them in one loop.
  test('every option is read by the command or a package', async () => {
    const file = join(COMMAND_FOLDER, `${name.replace(' ', '-')}.ts`)
    const code = reading([...reachable(file), ...packages])
    const unread = Object.entries(await load()).flatMap(([option, setting]) =>
      'to' in setting || option in PHASE_SETTINGS || isRead(option, code) ? [] : [option],
    )
    expect(unread).toEqual([])
    expect(isRead('madeUpOption', code)).toBe(false)
  })

  test('every option changes the settings, or is refused beside others', async () => {
    const schema: Schema = { ...(await load()), ...commonOptions }
    const base = required(schema)
    const before = readSettings(schema, base)
    for (const [option, setting] of Object.entries(schema)) {
      const given = { ...base, [option]: otherValue(setting) }
      const change = (): unknown => readSettings(schema, given)[option]
      if (setting.required) continue
      const needs = Object.entries(setting.onlyWith ?? {}).filter(([other, wanted]) =>
        wanted === true
          ? !(other in base)
          : ![before[other]].flat().some((one) => wanted.includes(String(one))),
      )
      if (needs.length > 0) expect(change).toThrow(/applies only to|has no effect without/)
      else expect({ option, value: change() }).not.toEqual({ option, value: before[option] })
      for (const other of Object.keys(setting.notWith ?? {})) {
        const both = { ...given, [other]: otherValue(schema[other]!) }
        expect(() => readSettings(schema, both)).toThrow(/has no effect/)
      }
    }
  })
})
