import type { Random } from '@lever/reward-utils'

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  'null',
  'true',
  'NaN',
  '-1',
  '1e999',
  '0.5',
  '"x"',
  '{}',
  '[]',
  '"__proto__":1,',
  '\u0000',
  'é',
  '\n',
]
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  'x',
  '',
  [],
  {},
  [[]],
  [null],
  [-1],
  ['1'],
  { pointer: [1] },
]

/** A damaged copy of the bytes of a file: bytes changed, cut, copied or put in, or the parsed value changed somewhere. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const kind = random.int(6)
  if (kind === 0) return bytes.slice(0, random.int(bytes.length + 1))
  if (kind === 1) return changeValue(bytes, random)
  const copy = Array.from(bytes)
  const times = 1 + random.int(3)
  for (let i = 0; i < times; i++) {
    const at = random.int(copy.length)
    if (kind === 2) copy[at] = random.int(256)
    else if (kind === 3) copy.splice(at, 1 + random.int(40))
    else if (kind === 4) copy.splice(at, 0, ...new TextEncoder().encode(TOKENS[random.int(TOKENS.length)]))
    else copy.splice(at, 0, ...copy.slice(random.int(copy.length), random.int(copy.length)).slice(0, 60))
  }
  return Uint8Array.from(copy)
}

function changeValue(bytes: Uint8Array, random: Random): Uint8Array {
  const lines = new TextDecoder().decode(bytes).split('\n')
  const isJournal = lines[0]!.startsWith('{"journal"')
  const at = isJournal ? random.int(lines.length - 1) : 0
  const root = JSON.parse(isJournal ? lines[at]! : lines.join('\n')) as object
  let node = root as Record<string, unknown>
  for (;;) {
    const keys = Object.keys(node)
    const key = keys[random.int(keys.length)]!
    const next = node[key]
    const deeper = typeof next === 'object' && next !== null && Object.keys(next).length > 0
    if (deeper && random.int(5) > 0) {
      node = next as Record<string, unknown>
      continue
    }
    if (random.int(4) === 0) Reflect.deleteProperty(node, key)
    else node[key] = VALUES[random.int(VALUES.length)]
    break
  }
  if (!isJournal) return new TextEncoder().encode(JSON.stringify(root))
  lines[at] = JSON.stringify(root)
  return new TextEncoder().encode(lines.join('\n'))
}
