export { InputError, isInputError } from '@lever/durable-files'
export {
  describeDataset,
  leakageBetween,
  type DatasetDescription,
  type ImageLeakage,
} from './describe-dataset.ts'
export { formatDataset, formatLeakage } from './describe-text.ts'
export type { DatasetForm, VqaDataset, VqaExample } from './example.ts'
export { locateDataset, type DatasetFiles } from './locate.ts'
export { readDataset, type ReadDatasetOptions } from './read-dataset.ts'
