export {
  describeDataset,
  leakageBetween,
  type DatasetDescription,
  type ImageLeakage,
} from './datasets/describe-dataset.ts'
export { formatDataset, formatLeakage } from './datasets/describe-text.ts'
export type { DatasetForm, VqaDataset, VqaExample } from './dataset.ts'
export type { ReadProgress } from './json-stream.ts'
export { locateDataset, type DatasetFiles } from './datasets/locate.ts'
export { readDataset, type ReadDatasetOptions } from './read-dataset.ts'
export { readIds, scoreFiles, type FileScore, type ScoreFilesOptions } from './score-files.ts'
