export { openRlFile, readRlData, type RlFile } from './read-file.ts'
