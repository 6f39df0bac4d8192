export { InputError, isInputError } from '@lever/durable-files'
export { checkBundle, type CheckOptions } from './bundle/check.ts'
export type { LibraryExample } from './bundle/library-file.ts'
export type {
  BundledEmbedder,
  BundledEvaluation,
  BundledPolicy,
  BundledPool,
  BundleManifest,
  ChosenSelector,
  EvaluationLine,
  FileRecord,
} from './bundle/manifest.ts'
export { readEvaluation } from './bundle/evaluation.ts'
export { INDEX_FROM, type WriteBundleOptions } from './bundle/options.ts'
export { writeBundle } from './bundle/write.ts'
export { baselineNames, selectorNames, type SelectorChoice } from './engine/baselines.ts'
export { readImageSource, type ImageRules, type ImageSource, type ReadImage } from './images/source.ts'
export {
  openSelector,
  type ExampleToAdd,
  type OpenSelector,
  type OpenSelectorOptions,
  type SelectOptions,
  type SelectorStats,
  type SelectQuery,
} from './open-selector.ts'
export type { AiSdkMessage, AiSdkPart, OpenAiMessage, OpenAiPart } from './prompts/messages.ts'
export type { SelectedExample, Selection, SelectionMessages } from './selection.ts'
export { bundleText, selectionText } from './text.ts'
export { selectDataset, type SelectDatasetOptions, type SelectedLine } from './select-dataset.ts'
