/*
 * The proposal methods by name. A new one is a file in this folder and a line here: the names' type, the options of a
 * mix and the conformance suite follow.
 */
export { beam } from './beam.ts'
export { exhaustive } from './exhaustive.ts'
export { file } from './file.ts'
export { nested } from './nested.ts'
export { random } from './random.ts'
export { retrieval } from './retrieval.ts'
export { sample } from './sample.ts'
