export { InputError, isInputError } from '@lever/durable-files/input-error'
export { printable, printableJson, printableLine } from './printable.ts'
export {
  createProgress,
  type Progress,
  type ProgressOptions,
  type Stage,
  type StageOptions,
} from './progress.ts'
export { seconds } from './seconds.ts'
export { formatTable, type TableOptions } from './table.ts'
