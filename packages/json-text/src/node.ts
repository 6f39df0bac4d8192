export { openFileSource, readWholeFile, type FileSource } from './file-source.ts'
export { streamRows, type ReadProgress, type StreamOptions } from './rows.ts'
export type { Layout, RowHandler } from './row-handler.ts'
export { UNPACK_VARIABLE, unpackLimit } from './unpack-limit.ts'
