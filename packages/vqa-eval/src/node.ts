export type { VqaDataset, VqaExample } from './dataset.ts'
export type { ReadProgress } from './json-stream.ts'
export { readDataset, type ReadDatasetOptions } from './read-dataset.ts'
export { readIds, scoreFiles, type FileScore, type ScoreFilesOptions } from './score-files.ts'
