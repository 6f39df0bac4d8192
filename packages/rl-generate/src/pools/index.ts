/*
 * The pool methods by name. A new one is a file in this folder and a line here: the names' type, the choices of the
 * command and the conformance suite follow.
 */
export { bothSimilar as 'both-similar' } from './similar.ts'
export { file } from './file.ts'
export { imageSimilar as 'image-similar' } from './similar.ts'
export { learned } from './learned.ts'
export { library } from './library.ts'
export { mixed } from './mixed.ts'
export { random } from './random.ts'
export { textSimilar as 'text-similar' } from './similar.ts'
