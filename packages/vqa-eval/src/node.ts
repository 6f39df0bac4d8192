export type { VqaDataset, VqaExample } from './dataset.ts'
export { readDataset, type ReadDatasetOptions } from './read-dataset.ts'
export type { ReadProgress } from './json-stream.ts'
