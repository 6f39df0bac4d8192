import { isUtf8 } from 'node:buffer'
import { CONTAINER_BYTES, SMALL_BYTES, type Budget } from './budget.ts'
import { fileError } from './errors.ts'
import type { PickleCursor } from './pickle-cursor.ts'
import { GlobalName, LongText, type PickleValue } from './pickle-values.ts'

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

/** The state of an unpickler. */
export interface Machine {
  /** For messages: the path. */
  readonly name: string
  readonly cursor: PickleCursor
  readonly budget: Budget
  readonly actions: PickleActions
  readonly stack: PickleValue[]
  /** Heights of the stack at which marks were set. */
  readonly marks: number[]
  readonly memo: Map<number, PickleValue>
}

const MAX_MARKS = 1000
/** Longest text that becomes a string, bytes. */
const MAX_TEXT_BYTES = 1 << 20

/** @throws InputError with the byte that was reached */
export function refuse({ name, cursor }: Machine, what: string): never {
  throw fileError(name, `byte ${cursor.at} of its pickle: ${what}`)
}

function bottom({ marks }: Machine): number {
  return marks.at(-1) ?? 0
}

export function push(m: Machine, value: PickleValue, cost: number = SMALL_BYTES): void {
  m.budget.spend(cost)
  m.stack.push(value)
}

export function pop(m: Machine): PickleValue {
  return m.stack.length > bottom(m) ? m.stack.pop()! : refuse(m, 'its stack is empty')
}

export function top(m: Machine): PickleValue {
  return m.stack.length > bottom(m) ? m.stack.at(-1)! : refuse(m, 'its stack is empty')
}

export function pushMark(m: Machine): void {
  if (m.marks.length >= MAX_MARKS) refuse(m, 'it is nested too deep')
  m.marks.push(m.stack.length)
}

/** Takes what was pushed since the last mark. */
export function popMark(m: Machine): PickleValue[] {
  const mark = m.marks.pop() ?? refuse(m, 'a mark is missing')
  m.budget.spend(SMALL_BYTES * (m.stack.length - mark))
  return m.stack.splice(mark)
}

export function get(m: Machine, index: number): void {
  const value = m.memo.get(index)
  if (value === undefined) refuse(m, `there is nothing in memo ${index}`)
  else push(m, value)
}

export function put(m: Machine, index: number): void {
  if (!m.memo.has(index)) m.budget.spend(4 * SMALL_BYTES)
  m.memo.set(index, top(m))
}

export function pushTuple(m: Machine, items: PickleValue[]): void {
  push(m, Object.freeze(items) as PickleValue[], CONTAINER_BYTES / 2 + SMALL_BYTES * items.length)
}

export function pushTupleOf(m: Machine, count: number): void {
  if (m.stack.length - count < bottom(m)) refuse(m, 'its stack is empty')
  pushTuple(m, m.stack.splice(m.stack.length - count))
}

export function pushText(m: Machine, length: number): void {
  const utf8 = m.cursor.bytes(length)
  if (length > MAX_TEXT_BYTES) push(m, new LongText(utf8), CONTAINER_BYTES)
  else push(m, decodeText(utf8) ?? refuse(m, 'a text is not UTF-8'), 2 * length + 2 * SMALL_BYTES)
}

function decodeText(utf8: Uint8Array): string | undefined {
  return isUtf8(utf8) ? Buffer.from(utf8.buffer, utf8.byteOffset, utf8.length).toString('utf8') : undefined
}

export function pushBytes(m: Machine, length: number): void {
  push(m, new Uint8Array(m.cursor.bytes(length)), length + CONTAINER_BYTES)
}

/** Pushes a set of what was pushed since the last mark. */
export function pushSet(m: Machine): void {
  const items = new Set(popMark(m))
  push(m, items, CONTAINER_BYTES + 4 * SMALL_BYTES * items.size)
}

export function pushGlobal(m: Machine, module: PickleValue, member: PickleValue): void {
  if (typeof module !== 'string' || typeof member !== 'string') return refuse(m, 'a name is not text')
  const full = `${module}.${member}`
  const { globals } = m.actions
  if (!globals.has(full)) {
    throw fileError(
      m.name,
      `it asks for ${JSON.stringify(full.slice(0, 200))}, which is not one of the ${globals.size} names that are allowed; ` +
        `save only the tensors (model.state_dict()) with torch.save, or convert the file to safetensors in Python`,
    )
  }
  push(m, new GlobalName(full), CONTAINER_BYTES / 2)
}

export function call(m: Machine, callee: PickleValue, args: PickleValue): void {
  if (!(callee instanceof GlobalName)) return refuse(m, 'something is called that is not a name')
  const items = tupleItems(args)
  if (items === undefined) return refuse(m, `the arguments of ${callee.name} are not a tuple`)
  push(m, m.actions.call(callee, items), CONTAINER_BYTES)
}

export function append(m: Machine, items: readonly PickleValue[]): void {
  const list = top(m)
  if (!Array.isArray(list) || tupleItems(list) !== undefined)
    return refuse(m, `APPEND on a ${kindOf(list)}, which is not a list`)
  for (const item of items) list.push(item)
  m.budget.spend(SMALL_BYTES * items.length)
}

export function setItems(m: Machine, items: readonly PickleValue[]): void {
  const target = top(m)
  if (!(target instanceof Map)) return refuse(m, `SETITEM on a ${kindOf(target)}, which is not a dict`)
  if (items.length % 2 !== 0) refuse(m, 'a key has no value')
  for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!)
  m.budget.spend(4 * SMALL_BYTES * items.length)
}

export function addItems(m: Machine, items: readonly PickleValue[]): void {
  const target = top(m)
  if (!(target instanceof Set)) return refuse(m, `ADDITEMS on a ${kindOf(target)}, which is not a set`)
  for (const item of items) target.add(item)
  m.budget.spend(4 * SMALL_BYTES * items.length)
}

/** The items of a tuple; undefined for anything else. Tuples are the frozen arrays. */
export function tupleItems(value: PickleValue): readonly PickleValue[] | undefined {
  return Array.isArray(value) && Object.isFrozen(value) ? value : undefined
}

function kindOf(value: PickleValue): string {
  if (value === null) return 'None'
  if (tupleItems(value) !== undefined) return 'tuple'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Map) return 'dict'
  if (value instanceof GlobalName) return value.name
  if (typeof value !== 'object') return typeof value
  return value.constructor.name === 'Object' ? 'tensor' : value.constructor.name
}
