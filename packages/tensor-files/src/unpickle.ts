import { isUtf8 } from 'node:buffer'
import type { Budget } from './budget.ts'
import { CONTAINER_BYTES, SMALL_BYTES } from './budget.ts'
import { fileError } from './errors.ts'
import { createPickleCursor } from './pickle-cursor.ts'
import type { PickleValue } from './pickle-values.ts'
import { GlobalName, LongText } from './pickle-values.ts'

/** What the instructions that would run code in Python do here instead. */
export interface PickleActions {
  /** The names that may be loaded: nothing else is looked up anywhere. */
  readonly globals: ReadonlySet<string>
  /** `callee(*args)` for a name of the list. */
  call(callee: GlobalName, args: readonly PickleValue[]): PickleValue
  /** `value.__setstate__(state)`. */
  build(value: PickleValue, state: PickleValue): void
  persistent(id: PickleValue): PickleValue
}

export interface UnpickleOptions {
  data: Uint8Array
  /** For messages: the path. */
  name: string
  budget: Budget
  actions: PickleActions
}

const MAX_MARKS = 1000
/** Longest text that becomes a string, bytes. */
const MAX_TEXT = 1 << 20

/**
 * Runs a pickle of protocol 2 to 5 as data: values are made of null, booleans, numbers, texts,
 * bytes, lists, Maps and Sets, and of what `actions` gives. Instructions that can do more (INST,
 * OBJ, EXT, PERSID, out-of-band buffers) and those of protocol 0 are refused.
 *
 * @throws InputError for anything that is not allowed or not well formed, naming the byte
 */
export function unpickle({ data, name, budget, actions }: UnpickleOptions): PickleValue {
  const cursor = createPickleCursor(data, name)
  const stack: PickleValue[] = []
  const marks: number[] = []
  const memo = new Map<number, PickleValue>()

  const refuse = (what: string): never => {
    throw fileError(name, `byte ${cursor.at} of its pickle: ${what}`)
  }
  const bottom = (): number => marks.at(-1) ?? 0
  const push = (value: PickleValue, cost = SMALL_BYTES): void => {
    budget.spend(cost)
    stack.push(value)
  }
  const pop = (): PickleValue => (stack.length > bottom() ? stack.pop()! : refuse('its stack is empty'))
  const top = (): PickleValue => (stack.length > bottom() ? stack.at(-1)! : refuse('its stack is empty'))
  const popMark = (): PickleValue[] => {
    const mark = marks.pop() ?? refuse('a mark is missing')
    budget.spend(SMALL_BYTES * (stack.length - mark))
    return stack.splice(mark)
  }
  const get = (index: number): void => {
    const value = memo.get(index)
    if (value === undefined) refuse(`there is nothing in memo ${index}`)
    else push(value)
  }
  const put = (index: number): void => {
    if (!memo.has(index)) budget.spend(4 * SMALL_BYTES)
    memo.set(index, top())
  }
  const tuple = (items: PickleValue[]): void =>
    push(Object.freeze(items) as PickleValue[], CONTAINER_BYTES / 2 + SMALL_BYTES * items.length)
  const tupleOf = (count: number): void => {
    if (stack.length - count < bottom()) refuse('its stack is empty')
    tuple(stack.splice(stack.length - count))
  }
  const text = (length: number): void => {
    const utf8 = cursor.bytes(length)
    if (length > MAX_TEXT) push(new LongText(utf8), CONTAINER_BYTES)
    else push(decodeText(utf8) ?? refuse('a text is not UTF-8'), 2 * length + 2 * SMALL_BYTES)
  }
  const binary = (length: number): void =>
    push(new Uint8Array(cursor.bytes(length)), length + CONTAINER_BYTES)
  const global = (module: PickleValue, member: PickleValue): void => {
    if (typeof module !== 'string' || typeof member !== 'string') return refuse('a name is no text')
    const full = `${module}.${member}`
    if (!actions.globals.has(full)) {
      throw fileError(
        name,
        `it asks for ${JSON.stringify(full.slice(0, 200))}, which is not one of the ${actions.globals.size} names that are allowed; ` +
          `save only the tensors (model.state_dict()) with torch.save, or convert the file to safetensors in Python`,
      )
    }
    push(new GlobalName(full), CONTAINER_BYTES / 2)
  }
  const call = (callee: PickleValue, args: PickleValue): void => {
    if (!(callee instanceof GlobalName)) return refuse('something is called that is no name')
    const items = tupleItems(args)
    if (items === undefined) return refuse(`the arguments of ${callee.name} are no tuple`)
    push(actions.call(callee, items), CONTAINER_BYTES)
  }
  const append = (items: readonly PickleValue[]): void => {
    const list = top()
    if (!Array.isArray(list) || tupleItems(list) !== undefined)
      return refuse(`APPEND on a ${kindOf(list)}, which is no list`)
    for (const item of items) list.push(item)
    budget.spend(SMALL_BYTES * items.length)
  }
  const setItems = (items: readonly PickleValue[]): void => {
    const target = top()
    if (!(target instanceof Map)) return refuse(`SETITEM on a ${kindOf(target)}, which is no dict`)
    if (items.length % 2 !== 0) refuse('a key has no value')
    for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!)
    budget.spend(4 * SMALL_BYTES * items.length)
  }
  const addItems = (items: readonly PickleValue[]): void => {
    const target = top()
    if (!(target instanceof Set)) return refuse(`ADDITEMS on a ${kindOf(target)}, which is no set`)
    for (const item of items) target.add(item)
    budget.spend(4 * SMALL_BYTES * items.length)
  }
  const frame = (): void => {
    if (cursor.length64() > cursor.length - cursor.at) refuse('a frame is longer than the pickle')
  }

  const operations = new Map<number, () => void>([
    [
      0x28,
      () => (marks.length < MAX_MARKS ? void marks.push(stack.length) : refuse('it is nested too deep')),
    ],
    [0x29, () => tuple([])],
    [0x30, () => void pop()],
    [0x31, () => void popMark()],
    [0x32, () => push(top())],
    [0x42, () => binary(cursor.uint32())],
    [0x43, () => binary(cursor.byte())],
    [0x47, () => push(cursor.float64())],
    [0x4a, () => push(cursor.int32())],
    [0x4b, () => push(cursor.byte())],
    [0x4d, () => push(cursor.uint16())],
    [0x4e, () => push(null)],
    [0x51, () => push(actions.persistent(pop()), CONTAINER_BYTES)],
    [0x52, () => swapped(pop, call)],
    [0x58, () => text(cursor.uint32())],
    [0x5d, () => push([], CONTAINER_BYTES)],
    [0x61, () => append([pop()])],
    [0x62, () => build(pop(), top())],
    [0x63, () => global(cursor.line(), cursor.line())],
    [0x65, () => append(popMark())],
    [0x68, () => get(cursor.byte())],
    [0x6a, () => get(cursor.uint32())],
    [0x71, () => put(cursor.byte())],
    [0x72, () => put(cursor.uint32())],
    [0x73, () => swapped(pop, (key, value) => setItems([key, value]))],
    [0x74, () => tuple(popMark())],
    [0x75, () => setItems(popMark())],
    [0x7d, () => push(new Map(), CONTAINER_BYTES)],
    [0x81, () => swapped(pop, call)],
    [0x85, () => tupleOf(1)],
    [0x86, () => tupleOf(2)],
    [0x87, () => tupleOf(3)],
    [0x88, () => push(true)],
    [0x89, () => push(false)],
    [0x8a, () => push(cursor.long(cursor.byte()), 4 * SMALL_BYTES)],
    [0x8b, () => push(cursor.long(cursor.uint32()), 4 * SMALL_BYTES)],
    [0x8c, () => text(cursor.byte())],
    [0x8d, () => text(cursor.length64())],
    [0x8e, () => binary(cursor.length64())],
    [0x8f, () => push(new Set(), CONTAINER_BYTES)],
    [0x90, () => addItems(popMark())],
    [0x91, () => push(new Set(popMark()), CONTAINER_BYTES + 4 * SMALL_BYTES * (stack.length - bottom()))],
    [0x93, () => swapped(pop, global)],
    [0x94, () => put(memo.size)],
    [0x95, frame],
    [0x96, () => binary(cursor.length64())],
  ])

  function build(state: PickleValue, value: PickleValue): void {
    actions.build(value, state)
  }

  if (cursor.byte() !== 0x80) refuse('it does not begin with a protocol number')
  const protocol = cursor.byte()
  if (protocol < 2 || protocol > 5) refuse(`protocol ${protocol} is not read, only 2 to 5`)
  for (let code = cursor.byte(); code !== STOP; code = cursor.byte()) {
    const operation = operations.get(code)
    if (operation === undefined) refuse(`the instruction 0x${code.toString(16)} is not allowed`)
    else operation()
  }
  const result = pop()
  if (stack.length > 0 || marks.length > 0) refuse('something is left on its stack')
  if (cursor.at !== cursor.length) refuse('something follows its end')
  return result
}

const STOP = 0x2e

/** Calls `use` with the two values on top of the stack, the lower one first. */
function swapped(pop: () => PickleValue, use: (lower: PickleValue, upper: PickleValue) => void): void {
  const upper = pop()
  use(pop(), upper)
}

/** The items of a tuple; undefined for anything else. Tuples are the frozen arrays. */
export function tupleItems(value: PickleValue): readonly PickleValue[] | undefined {
  return Array.isArray(value) && Object.isFrozen(value) ? value : undefined
}

function decodeText(utf8: Uint8Array): string | undefined {
  return isUtf8(utf8) ? Buffer.from(utf8.buffer, utf8.byteOffset, utf8.length).toString('utf8') : undefined
}

function kindOf(value: PickleValue): string {
  if (value === null) return 'None'
  if (tupleItems(value) !== undefined) return 'tuple'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Map) return 'dict'
  if (value instanceof GlobalName) return value.name
  return typeof value === 'object'
    ? value.constructor.name === 'Object'
      ? 'tensor'
      : value.constructor.name
    : typeof value
}
