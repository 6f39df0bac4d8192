export { openRlFile, readRlData, type ReadFileOptions, type RlFile } from './read-file.ts'
export { encodeRlFile, formatOf, writeRlData, type WriteOptions } from './write-file.ts'
