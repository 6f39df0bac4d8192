import { readFile } from 'node:fs/promises'
import { InputError, nearest } from '@lever/durable-files'
import { kebab } from './names.ts'

/**
 * Options of a YAML (or JSON) file: a flat map with the names of the command's flags, kebab-case or
 * snake_case. The result has the names of their settings.
 *
 * @param names every name and alias of the command's options, with the setting's name
 * @throws InputError if the file cannot be read or is not valid YAML (with the line), or if it has an unknown name (with
 * the nearest one) or a name twice
 */
export async function readConfig(
  path: string,
  names: ReadonlyMap<string, string>,
): Promise<Map<string, unknown>> {
  const content = await readYaml(path, '--config')
  const options = new Map<string, unknown>()
  for (const [key, value] of content) {
    const name = names.get(kebab(key))
    if (name === undefined) throw new InputError(`${path}: ${unknownName(key, names.keys())}`)
    if (options.has(name)) throw new InputError(`${path}: "${key}" is given twice; keep one`)
    if (value instanceof Map) throw new InputError(`${path}: "${key}" is a map; give a value or a list`)
    if (value !== null) options.set(name, value)
  }
  return options
}

/**
 * The map that a YAML file holds; maps inside it are `Map`s.
 * @throws InputError if the file cannot be read, is not valid YAML (with the line), or does not hold a map
 */
export async function readYaml(path: string, flag: string): Promise<Map<string, unknown>> {
  const source = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError(`${flag}: cannot read ${path} (${reason(error)}); give the path of a YAML file`)
  })
  const { parseDocument } = await import('yaml')
  const document = parseDocument(source, { prettyErrors: true })
  const [problem] = document.errors
  if (problem) {
    const { line, col } = problem.linePos?.[0] ?? { line: 1, col: 1 }
    const what = problem.message.split(' at line')[0]!
    throw new InputError(`${path}:${line}:${col}: not valid YAML: ${what}; correct the file`)
  }
  const content: unknown = document.toJS({ mapAsMap: true }) ?? new Map()
  if (!(content instanceof Map)) {
    throw new InputError(
      `${path}: a configuration must map option names to values; write lines like "seed: 1"`,
    )
  }
  return new Map(Array.from(content as Map<unknown, unknown>, ([key, value]) => [String(key), value]))
}

/** The sentence for an option that does not exist. */
export function unknownName(name: string, names: Iterable<string>, prefix = ''): string {
  const near = nearest(kebab(name), names)
  const remedy = near === undefined ? '--help lists the options' : `did you mean ${prefix}${near}?`
  return `there is no option ${prefix}${name}; ${remedy}`
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' ? 'no such file' : (code ?? String(error))
}
