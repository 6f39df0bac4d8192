export { InputError, isInputError } from '@lever/durable-files'
export {
  describeDataset,
  leakageBetween,
  type DatasetDescription,
  type ImageLeakage,
} from './describe-dataset.ts'
export { formatDataset, formatLeakage } from './describe-text.ts'
export { DEMONSTRATION_FEATURES, demonstrationFeatures } from './demonstration-features.ts'
export type { Dataset, SameImage } from './dataset.ts'
export type { Example } from './example.ts'
export type { DatasetForm } from './format-of.ts'
export type { Answer, Demonstration, ExamplePrompt, FailureKind, Prompt, Query } from './prompt.ts'
export { locateDataset, type DatasetFiles, type LocateOptions } from './locate.ts'
export { NEAR_IMAGES, readDataset, type ReadDatasetOptions } from './read-dataset.ts'
export {
  identifyImages,
  nearImageNotice,
  type IdentifiedImages,
  type IdentifyOptions,
  type NearImages,
} from './images/identity.ts'
export type { LookAt } from './images/look.ts'
export {
  checkImages,
  formatImageCheckup,
  type CheckImagesOptions,
  type ImageCheckup,
  type ImageFault,
} from './images/check-images.ts'
export { describeIdentity, formatIdentity, type IdentityDescription } from './images/describe-identity.ts'
