import { clustersOf } from '../src/statistics/clusters.ts'

// prettier-ignore
export const images = [9, 1, 2, 2, 2, 9, 10, 6, 0, 1, 3, 5, 7, 5, 3, 1, 8, 8, 0, 1, 5, 4, 10, 6, 5, 5, 7, 7, 2, 8, 9, 11, 9, 3, 3, 7, 7, 8, 10, 3]
// prettier-ignore
export const x = [0.3, 0, 1, 1, 0, 1, 1, 0.3, 1, 0, 1, 1, 0, 0, 0.3, 0, 0.3, 0.3, 0, 1, 0.3, 0, 0, 0, 1, 0, 0, 1, 0, 0.3, 1, 1, 0, 1, 0, 1, 1, 0.3, 0, 0.3]
// prettier-ignore
export const y = [0.9, 0, 1, 1, 0.3, 1, 1, 0.3, 1, 0, 1, 1, 0, 0, 0, 0.3, 0.3, 0.3, 0.6, 1, 0.3, 0.6, 0, 0, 0.4, 0, 0.3, 1, 0, 0.3, 0.4, 0.4, 0, 1, 0, 1, 1, 0.3, 0.3, 0.6]
export const clusters = clustersOf(images)
export const difference = y.map((value, i) => value - x[i]!)
