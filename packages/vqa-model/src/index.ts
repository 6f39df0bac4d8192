export { InputError, isInputError } from '@lever/durable-files'
export { requireInputs } from './missing-inputs.ts'
export { openVqaModel, readProtocol } from './open-model.ts'
export {
  backendNames,
  modelOptions,
  type BackendName,
  type BackendOptions,
  type VqaModelOptions,
} from './backends/settings.ts'
export type { Backend, ModelContext } from './backends/backend.ts'
export {
  answerWith,
  scoreGroundTruthWith,
  type AnswerPrompts,
  type AnswerWithOptions,
  type GroundTruth,
} from './answer-with.ts'
export type { OnnxOptions } from './onnx/open-onnx.ts'
export type { OpenaiOptions } from './openai/options.ts'
export type { Clock } from './openai/clock.ts'
export type { Script, ScriptedOptions, ScriptedReply } from './backends/scripted.ts'
export { compareProtocols, hashProtocol, type Protocol } from './protocol.ts'
export { getPostprocess, postprocessNames, type Postprocess, type PostprocessName } from './postprocess.ts'
export {
  defaultTemplate,
  getTemplate,
  templateId,
  templateNames,
  type TemplateName,
} from './templates/index.ts'
export { validateTemplate, type PromptTemplate } from './templates/template.ts'
export { chatMessages, type ChatContent, type ChatMessage, type PromptTexts } from './prompt/messages.ts'
export { downloadModel, type Downloaded, type DownloadOptions } from './hub/download-model.ts'
export { parseDtypes, type DtypeName, type Dtypes, type FileDtypes } from './onnx/dtypes.ts'
export { deviceNames, type Device, type DeviceName, type Devices, type OneDevice } from './devices/devices.ts'
export { checkMachine, formatHealth, type CheckMachineOptions, type Health } from './devices/health.ts'
export { probeDevice, probeDevices, type DeviceReport } from './devices/probe.ts'
export type {
  Answer,
  AnswerOptions,
  ScoredAnswer,
  CallHints,
  Demonstration,
  ExamplePrompt,
  FailureKind,
  ModelProtocol,
  Needs,
  Prompt,
  PromptWithImages,
  Query,
  VqaModel,
  VqaModelStats,
} from './types.ts'
export { isEmbedderModel } from './embed/clip.ts'
export {
  embedderFiles,
  embedderNames,
  openEmbedder,
  type EmbedderName,
  type OpenEmbedderOptions,
} from './embed/index.ts'
export { joinRows } from './embed/normalize.ts'
export { embedExamples, type EmbedOptions, type EmbedResult } from './embed/embed-examples.ts'
export {
  TEXT_SOURCES,
  type Embedder,
  type EmbedderFiles,
  type EmbedderOptions,
  type ExampleToEmbed,
  type ImageFile,
  type TextSource,
} from './embed/types.ts'
export { answerProbability, infoScore, infoScoreKinds, type InfoScoreKind } from './info-score.ts'
export { estimatePrompts, type EstimateOptions, type PromptEstimate } from './estimate.ts'
export { asSeen } from './pixels/as-seen.ts'
export { imageFormat, type ImageFormat } from './pixels/format.ts'
export { imageLimits, type ImageLimits } from './pixels/limits.ts'
export { readImageFile } from './pixels/read-file.ts'
export { lookAtImage } from './pixels/look.ts'
export { makeThumbnail, type ThumbnailOptions } from './pixels/thumbnail.ts'
