export { createRandom, restoreRandom, type Random } from './random.ts'
