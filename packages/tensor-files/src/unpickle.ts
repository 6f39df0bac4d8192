import type { Budget } from './budget.ts'
import { CONTAINER_BYTES, SMALL_BYTES } from './budget.ts'
import { createPickleCursor } from './pickle-cursor.ts'
import {
  addItems,
  append,
  call,
  get,
  pop,
  popMark,
  push,
  pushBytes,
  pushGlobal,
  pushMark,
  pushSet,
  pushText,
  pushTuple,
  pushTupleOf,
  put,
  refuse,
  setItems,
  top,
  type Machine,
  type PickleActions,
} from './pickle-machine.ts'
import type { PickleValue } from './pickle-values.ts'

export interface UnpickleOptions {
  data: Uint8Array
  /** For messages: the path. */
  name: string
  budget: Budget
  actions: PickleActions
}

/**
 * Runs a pickle of protocol 2 to 5 as data: values are made of null, booleans, numbers, texts,
 * bytes, lists, Maps and Sets, and of what `actions` gives. Instructions that can do more (INST,
 * OBJ, EXT, PERSID, out-of-band buffers) and those of protocol 0 are refused.
 *
 * @throws InputError for anything that is not allowed or not well formed, naming the byte
 */
export function unpickle({ data, name, budget, actions }: UnpickleOptions): PickleValue {
  const cursor = createPickleCursor(data, name)
  const m: Machine = { name, cursor, budget, actions, stack: [], marks: [], memo: new Map() }
  if (cursor.byte() !== 0x80) refuse(m, 'it does not begin with a protocol number')
  const protocol = cursor.byte()
  if (protocol < 2 || protocol > 5) refuse(m, `protocol ${protocol} is not read, only 2 to 5`)
  for (let code = cursor.byte(); code !== STOP; code = cursor.byte()) {
    const operation = OPERATIONS.get(code)
    if (operation === undefined) refuse(m, `the instruction 0x${code.toString(16)} is not allowed`)
    else operation(m)
  }
  const result = pop(m)
  if (m.stack.length > 0 || m.marks.length > 0) refuse(m, 'something is left on its stack')
  if (cursor.at !== cursor.length) refuse(m, 'something follows its end')
  return result
}

const STOP = 0x2e

/** What each instruction does, in the order of their codes: https://github.com/python/cpython/blob/3.13/Lib/pickletools.py */
const OPERATIONS: ReadonlyMap<number, (m: Machine) => void> = new Map([
  [0x28, pushMark],
  [0x29, (m) => pushTuple(m, [])],
  [0x30, (m) => void pop(m)],
  [0x31, (m) => void popMark(m)],
  [0x32, (m) => push(m, top(m))],
  [0x42, (m) => pushBytes(m, m.cursor.uint32())],
  [0x43, (m) => pushBytes(m, m.cursor.byte())],
  [0x47, (m) => push(m, m.cursor.float64())],
  [0x4a, (m) => push(m, m.cursor.int32())],
  [0x4b, (m) => push(m, m.cursor.byte())],
  [0x4d, (m) => push(m, m.cursor.uint16())],
  [0x4e, (m) => push(m, null)],
  [0x51, (m) => push(m, m.actions.persistent(pop(m)), CONTAINER_BYTES)],
  [0x52, (m) => withTwo(m, call)],
  [0x58, (m) => pushText(m, m.cursor.uint32())],
  [0x5d, (m) => push(m, [], CONTAINER_BYTES)],
  [0x61, (m) => append(m, [pop(m)])],
  [0x62, build],
  [0x63, (m) => pushGlobal(m, m.cursor.line(), m.cursor.line())],
  [0x65, (m) => append(m, popMark(m))],
  [0x68, (m) => get(m, m.cursor.byte())],
  [0x6a, (m) => get(m, m.cursor.uint32())],
  [0x71, (m) => put(m, m.cursor.byte())],
  [0x72, (m) => put(m, m.cursor.uint32())],
  [0x73, (m) => withTwo(m, (_, key, value) => setItems(m, [key, value]))],
  [0x74, (m) => pushTuple(m, popMark(m))],
  [0x75, (m) => setItems(m, popMark(m))],
  [0x7d, (m) => push(m, new Map(), CONTAINER_BYTES)],
  [0x81, (m) => withTwo(m, call)],
  [0x85, (m) => pushTupleOf(m, 1)],
  [0x86, (m) => pushTupleOf(m, 2)],
  [0x87, (m) => pushTupleOf(m, 3)],
  [0x88, (m) => push(m, true)],
  [0x89, (m) => push(m, false)],
  [0x8a, (m) => push(m, m.cursor.long(m.cursor.byte()), 4 * SMALL_BYTES)],
  [0x8b, (m) => push(m, m.cursor.long(m.cursor.uint32()), 4 * SMALL_BYTES)],
  [0x8c, (m) => pushText(m, m.cursor.byte())],
  [0x8d, (m) => pushText(m, m.cursor.length64())],
  [0x8e, (m) => pushBytes(m, m.cursor.length64())],
  [0x8f, (m) => push(m, new Set(), CONTAINER_BYTES)],
  [0x90, (m) => addItems(m, popMark(m))],
  [0x91, pushSet],
  [0x93, (m) => withTwo(m, pushGlobal)],
  [0x94, (m) => put(m, m.memo.size)],
  [0x95, passFrame],
  [0x96, (m) => pushBytes(m, m.cursor.length64())],
])

/** Calls `use` with the two values on top of the stack, the lower one first. */
function withTwo(m: Machine, use: (m: Machine, lower: PickleValue, upper: PickleValue) => void): void {
  const upper = pop(m)
  use(m, pop(m), upper)
}

function build(m: Machine): void {
  const state = pop(m)
  m.actions.build(top(m), state)
}

function passFrame(m: Machine): void {
  if (m.cursor.length64() > m.cursor.length - m.cursor.at) refuse(m, 'a frame is longer than the pickle')
}
