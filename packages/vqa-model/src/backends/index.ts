/*
 * The backends by name. A new one is a file in this folder and a line here: the flags of the command follow from its
 * `settings`.
 */
export { onnx } from './onnx.ts'
export { openai } from './openai.ts'
export { scripted } from './scripted.ts'
