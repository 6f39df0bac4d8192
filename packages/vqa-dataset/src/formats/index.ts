/*
 * The formats of datasets by name. A new one is a file in this folder and a line here: finding, reading, caching, the
 * names' type and the conformance suite follow.
 */
export { aokvqa } from './aokvqa.ts'
export { lines } from './lines.ts'
export { official } from './official.ts'
export { parquet } from './parquet.ts'
