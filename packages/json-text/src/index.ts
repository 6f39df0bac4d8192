export { InputError, isInputError } from '@lever/durable-files/input-error'
export {
  atEnd,
  cursorOf,
  enterArray,
  enterObject,
  fail,
  needMore,
  nextField,
  nextItem,
  peek,
  type Cursor,
} from './cursor.ts'
export { decodeString, keys, readKey, readName, scanString, type Key } from './string.ts'
export { MAX_DEPTH, PYTHON, readValue, skipValue, STRICT, type JsonRules, type NumberText } from './value.ts'
export { parseStrict, parseText } from './parse.ts'
export { scanEntries, type JsonEntry } from './entries.ts'
export { linesOf, type Line } from './lines.ts'
export { bytesInMemory, placeFinder, placeOf, type ByteSource } from './source.ts'
export { foreignFormat, HEAD_BYTES } from './foreign.ts'
export { JsonSyntaxError, pathText, placeText, type Place } from './errors.ts'
